//! A stack, by the APIs of `CloudFormation` and Lambda, on AWS or on an emulator.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use aws_sdk_cloudformation::types::{Output, Parameter};
use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LastUpdateStatus;
use serde_json::Value;

use crate::error::{Context as _, Error, Result};

/// The name of the stack, unless `sam deploy` is told another.
pub const STACK_NAME: &str = "waybill";
/// The output of the template that names the migrate function.
pub const MIGRATE_FUNCTION: &str = "MigrateFunctionName";
/// How long an update of code may take. In a VPC it takes a minute or two.
const UPDATE_LIMIT: Duration = Duration::from_mins(5);

/// A stack as `CloudFormation` describes it.
#[derive(Debug, Clone)]
pub struct Described {
    /// Differs each time that a stack of this name is created.
    pub id: String,
    /// Such as `UPDATE_COMPLETE`.
    pub status: String,
    /// The values of the parameters, defaults included.
    pub parameters: BTreeMap<String, String>,
    /// The values of the outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Described {
    /// One output.
    ///
    /// # Errors
    /// If the stack does not have it.
    pub fn output(&self, name: &str) -> Result<&str> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| {
            Error::new(format!(
                "The stack {} has no output {name}. Is it a stack of Waybill?",
                self.id
            ))
        })
    }
}

/// Describes a stack; none if it does not exist.
///
/// # Errors
/// If `CloudFormation` fails.
pub async fn describe(formation: &Client, stack: &str) -> Result<Option<Described>> {
    let found = match formation.describe_stacks().stack_name(stack).send().await {
        Ok(answer) => answer.stacks.unwrap_or_default().into_iter().next(),
        // CloudFormation has no error code of its own for a missing stack.
        Err(error)
            if error.code() == Some("ValidationError")
                && error.message().is_some_and(|it| it.contains("does not exist")) =>
        {
            None
        }
        Err(error) => {
            return Err(error).context(|| format!("Failed to look up the stack {stack}."));
        }
    };
    Ok(found.map(|found| Described {
        id: found.stack_id().unwrap_or_default().to_owned(),
        status: found.stack_status().map_or("", |status| status.as_str()).to_owned(),
        parameters: pairs(found.parameters(), Parameter::parameter_key, Parameter::parameter_value),
        outputs: pairs(found.outputs(), Output::output_key, Output::output_value),
    }))
}

fn pairs<T>(
    all: &[T],
    key: fn(&T) -> Option<&str>,
    value: fn(&T) -> Option<&str>,
) -> BTreeMap<String, String> {
    all.iter().filter_map(|it| Some((key(it)?.to_owned(), value(it)?.to_owned()))).collect()
}

/// A stack that may not exist yet.
#[derive(Debug)]
pub struct Remote {
    stack: String,
    formation: Client,
    lambda: aws_sdk_lambda::Client,
    /// The binary of migrate.
    bootstrap: PathBuf,
}

impl Remote {
    /// The stack of that name. `CloudFormation` and Lambda may have different endpoints.
    #[must_use]
    pub fn new(stack: &str, formation: &SdkConfig, lambda: &SdkConfig, bootstrap: PathBuf) -> Self {
        // A response has no data until the migration has ended.
        let patient = aws_sdk_lambda::config::Builder::from(lambda)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            stack: stack.to_owned(),
            formation: Client::new(formation),
            lambda: aws_sdk_lambda::Client::from_conf(patient),
            bootstrap,
        }
    }

    /// Describes it; none if it does not exist.
    ///
    /// # Errors
    /// If `CloudFormation` fails.
    pub async fn describe(&self) -> Result<Option<Described>> {
        describe(&self.formation, &self.stack).await
    }

    /// The name of the migrate function, from the outputs of the stack.
    ///
    /// # Errors
    /// If `CloudFormation` fails.
    pub async fn migrate_function(&self) -> Result<Option<String>> {
        let stack = self.describe().await?;
        Ok(stack.and_then(|mut stack| stack.outputs.remove(MIGRATE_FUNCTION)))
    }

    /// The parameters that the stack was deployed with, defaults included.
    ///
    /// # Errors
    /// If `CloudFormation` fails.
    pub async fn parameters(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.describe().await?.map(|stack| stack.parameters).unwrap_or_default())
    }

    /// Replaces the code of the function with the binary that was built, and waits until the update is
    /// done. The configuration does not change.
    ///
    /// # Errors
    /// If Lambda refuses the code, or the update takes too long.
    pub async fn update_code(&self, function: &str) -> Result<()> {
        let code = archive(&self.bootstrap)?;
        // Lambda refuses an update while another is in progress.
        self.updated(function).await?;
        self.lambda
            .update_function_code()
            .function_name(function)
            .zip_file(Blob::new(code))
            .send()
            .await
            .context(|| format!("Failed to update the code of {function}."))?;
        self.updated(function).await
    }

    /// Waits until no update is in progress.
    async fn updated(&self, function: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let now = self
                .lambda
                .get_function_configuration()
                .function_name(function)
                .send()
                .await
                .context(|| format!("Failed to read the configuration of {function}."))?;
            match now.last_update_status() {
                Some(LastUpdateStatus::InProgress) if started.elapsed() < UPDATE_LIMIT => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Some(LastUpdateStatus::InProgress) => {
                    let limit = UPDATE_LIMIT.as_secs();
                    return Err(Error::new(format!(
                        "The update of {function} is still in progress after {limit} s."
                    )));
                }
                Some(LastUpdateStatus::Failed) => {
                    let reason =
                        now.last_update_status_reason().unwrap_or("Lambda gives no reason");
                    return Err(Error::new(format!("The update of {function} failed: {reason}.")));
                }
                _ => return Ok(()),
            }
        }
    }

    /// Invokes the migrate function. Returns the names of the migrations that it applied.
    ///
    /// # Errors
    /// If the invocation or the function fails, with the function's message.
    pub async fn migrate(&self, function: &str) -> Result<Vec<String>> {
        let invoked = self
            .lambda
            .invoke()
            .function_name(function)
            .payload(Blob::new("{}"))
            .send()
            .await
            .context(|| format!("Failed to invoke the function {function}."))?;
        let payload = invoked.payload().map_or(&[][..], AsRef::as_ref);
        applied(function, invoked.function_error().is_some(), payload)
    }
}

/// The outcome of an invocation of migrate. Lambda answers 200 for a function that failed as well.
fn applied(function: &str, failed: bool, payload: &[u8]) -> Result<Vec<String>> {
    let text = String::from_utf8_lossy(payload);
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    if failed {
        let said = answer.get("errorMessage").and_then(Value::as_str).unwrap_or(&text);
        return Err(Error::new(format!("{function} failed: {said}")));
    }
    let names = answer.get("applied").and_then(Value::as_array).ok_or_else(|| {
        Error::new(format!("{function} returned {text:?}, which is not a report of migrations."))
    })?;
    Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The binary in a zip archive, not compressed: a few megabytes, sent once.
fn archive(bootstrap: &Path) -> Result<Vec<u8>> {
    let failed = || format!("Failed to archive {}.", bootstrap.display());
    let binary = fs::read(bootstrap).context(failed)?;
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let executable = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .unix_permissions(0o755);
    archive.start_file("bootstrap", executable).context(failed)?;
    archive.write_all(&binary).context(failed)?;
    Ok(archive.finish().context(failed)?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(failed: bool, payload: &str) -> Result<Vec<String>, String> {
        applied("migrate", failed, payload.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_report_names_what_was_applied() {
        let report = r#"{"applied":["V7__a","V8__b"]}"#;
        assert_eq!(outcome(false, report).unwrap(), ["V7__a", "V8__b"]);
        assert!(outcome(false, r#"{"applied":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn a_failed_function_is_an_error_with_its_message() {
        let said = r#"{"errorType":"E","errorMessage":"column \"note\" already exists"}"#;
        assert_eq!(
            outcome(true, said).unwrap_err(),
            r#"migrate failed: column "note" already exists"#
        );
        assert_eq!(outcome(true, "killed").unwrap_err(), "migrate failed: killed");
    }

    #[test]
    fn an_answer_without_a_report_is_an_error() {
        for payload in ["", "null", "{}", r#"{"applied":1}"#, r#"{"statusCode":200}"#] {
            assert!(outcome(false, payload).is_err(), "{payload}");
        }
    }

    #[test]
    fn the_archive_holds_an_executable_bootstrap() {
        let file = std::env::temp_dir().join(format!("waybill-{}", uuid::Uuid::new_v4()));
        fs::write(&file, "the binary").unwrap();
        let bytes = archive(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let entry = archive.by_name("bootstrap").unwrap();
        assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        assert_eq!(entry.size(), 10);
    }
}
