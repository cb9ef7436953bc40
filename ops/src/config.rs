//! The configuration: read from the environment here, once, and nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Error, Result};

/// The AWS services that may have an endpoint of their own, by the suffix of `AWS_ENDPOINT_URL_`.
pub const SERVICES: [&str; 7] =
    ["CLOUDFORMATION", "CLOUDWATCH_LOGS", "DYNAMODB", "EVENTBRIDGE", "LAMBDA", "S3", "SQS"];

/// What the environment says about the checkout, the database and AWS.
#[derive(Debug, Clone)]
pub struct Config {
    /// The checkout: the folder that holds `template.yaml`.
    pub root: PathBuf,
    /// `WAYBILL_PYTHON`: the Python to make the tools' environment with.
    pub python: Option<String>,
    /// `DATABASE_URL`: a Postgres to use instead of the stack's own.
    pub database_url: Option<String>,
    /// `AWS_ENDPOINT_URL`: an emulator to use instead of the stack's own.
    pub endpoint_url: Option<String>,
    /// `AWS_ENDPOINT_URL_<SERVICE>`, by service.
    pub service_endpoints: BTreeMap<&'static str, String>,
    /// `AWS_REGION`, or `us-east-1`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; only sent to the emulator in
    /// `AWS_ENDPOINT_URL`.
    pub credentials: Option<(String, String)>,
    /// `FULFILLMENT_QUEUE_URL` and `FULFILLMENT_DLQ_URL`, as `stack.env` sets them.
    pub queues: Option<(String, String)>,
    /// `NOTIFICATION_QUEUE_URL` and `NOTIFICATION_DLQ_URL`, as `stack.env` sets them.
    pub notification_queues: Option<(String, String)>,
    /// `WAYBILL_FUNCTIONS_LOG`: the file of what the functions of `make watch` write.
    pub functions_log: Option<PathBuf>,
    /// `PATH`, for processes that start with an otherwise empty environment.
    pub path: String,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// If the current folder is not in a checkout.
    pub fn from_environment() -> Result<Self> {
        Ok(Self::read(variable, find_root()?))
    }

    /// Reads the variables that `find` knows, for the checkout in `root`.
    pub fn read(find: impl Fn(&str) -> Option<String>, root: PathBuf) -> Self {
        let given = |name: &str| find(name).filter(|value| !value.trim().is_empty());
        Self {
            python: given("WAYBILL_PYTHON"),
            database_url: given("DATABASE_URL"),
            endpoint_url: given("AWS_ENDPOINT_URL").map(|url| url.trim_end_matches('/').to_owned()),
            service_endpoints: SERVICES
                .into_iter()
                .filter_map(|name| Some((name, given(&format!("AWS_ENDPOINT_URL_{name}"))?)))
                .collect(),
            region: given("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            credentials: given("AWS_ACCESS_KEY_ID").zip(given("AWS_SECRET_ACCESS_KEY")),
            queues: given("FULFILLMENT_QUEUE_URL").zip(given("FULFILLMENT_DLQ_URL")),
            notification_queues: given("NOTIFICATION_QUEUE_URL").zip(given("NOTIFICATION_DLQ_URL")),
            functions_log: given("WAYBILL_FUNCTIONS_LOG").map(PathBuf::from),
            path: given("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()),
            root,
        }
    }

    /// The folder for everything that the runner makes; git ignores it.
    #[must_use]
    pub fn local(&self) -> PathBuf {
        self.root.join(".local")
    }

    /// Fails if the environment names an emulator and the command is for AWS.
    ///
    /// # Errors
    /// If `AWS_ENDPOINT_URL` is set and the emulator is not `meant`.
    pub fn refuse_an_emulator(&self, meant: bool, command: &str) -> Result<()> {
        let Some(endpoint) = self.endpoint_url.as_ref().filter(|_| !meant) else { return Ok(()) };
        Err(Error::new(format!(
            "AWS_ENDPOINT_URL is {endpoint}, and this `{command}` goes to AWS. Unset it (if the shell \
             sourced stack.env, open a new one: other variables are set, too), or add --emulator to \
             ARGS to use the emulator."
        )))
    }
}

/// One variable of the environment.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// `template.yaml` marks the checkout; the runner may be called from any folder within it.
fn find_root() -> Result<PathBuf> {
    let here = std::env::current_dir().context(|| "The current folder does not exist any more.")?;
    here.ancestors()
        .find(|folder| folder.join("template.yaml").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            Error::new("There is no template.yaml here or above. Run this inside the checkout.")
        })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Config {
        let find = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Config::read(find, PathBuf::from("/checkout"))
    }

    /// What an empty environment gives.
    pub(crate) fn empty() -> Config {
        read(&[])
    }

    #[test]
    fn endpoints_of_single_services_are_kept() {
        let config = read(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000"),
        ]);
        assert_eq!(config.endpoint_url.as_deref(), Some("http://127.0.0.1:4566"));
        assert_eq!(config.service_endpoints["DYNAMODB"], "http://127.0.0.1:8000");
    }

    #[test]
    fn a_blank_variable_is_not_set_and_the_region_has_a_default() {
        let config = read(&[("DATABASE_URL", " ")]);
        assert_eq!(config.database_url, None);
        assert_eq!(config.region, "us-east-1");
    }

    #[test]
    fn an_emulator_is_refused_unless_it_is_meant() {
        let config = read(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]);
        assert!(config.refuse_an_emulator(true, "make deploy").is_ok());
        let error = config.refuse_an_emulator(false, "make deploy").unwrap_err().to_string();
        assert!(error.contains("--emulator"), "{error}");
        assert!(empty().refuse_an_emulator(false, "make deploy").is_ok());
    }
}
