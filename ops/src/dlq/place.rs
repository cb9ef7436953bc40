//! Finds the dead letters: of a local stack by its variables, of a deployed one by its outputs.

use std::path::PathBuf;

use aws_config::{Region, SdkConfig};
use clap::Args;

use super::reasons::Log;
use crate::aws::{self, Aws};
use crate::config::Config;
use crate::credentials;
use crate::env_file::EnvFile;
use crate::error::{Error, Result};
use crate::remote::{self, STACK_NAME};
use crate::settings::Settings;

/// Which stack and queues.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// A stack that is deployed with CloudFormation, instead of the local one
    #[arg(long, value_name = "NAME")]
    stack_name: Option<String>,
    /// The region of that stack
    #[arg(long, requires = "stack_name")]
    region: Option<String>,
    /// The AWS profile to use for that stack
    #[arg(long, requires = "stack_name")]
    profile: Option<String>,
    /// That stack is on the emulator in `AWS_ENDPOINT_URL`
    #[arg(long, requires = "stack_name")]
    emulator: bool,
    /// Move to this queue instead of the stack's
    #[arg(long, value_name = "URL", requires = "dlq_url")]
    queue_url: Option<String>,
    /// Read this dead-letter queue instead of the stack's
    #[arg(long, value_name = "URL", requires = "queue_url")]
    dlq_url: Option<String>,
}

/// The queues and the log of a stack, with a client.
#[derive(Debug)]
pub struct Place {
    /// The client of the queues.
    pub sqs: aws_sdk_sqs::Client,
    /// The fulfillment queue.
    pub queue_url: String,
    /// The dead-letter queue.
    pub dlq_url: String,
    /// The log of fulfill-order.
    pub log: Log,
}

impl Place {
    /// The name of the fulfillment queue.
    #[must_use]
    pub fn queue_name(&self) -> &str {
        name(&self.queue_url)
    }

    /// The name of the dead-letter queue.
    #[must_use]
    pub fn dlq_name(&self) -> &str {
        name(&self.dlq_url)
    }
}

/// Finds the deployed stack that is named, or the one whose `stack.env` the shell has sourced, or the
/// one of `make up`.
///
/// # Errors
/// If there is none.
pub(super) async fn find(config: &Config, target: &Target) -> Result<Place> {
    let mut place = match &target.stack_name {
        Some(stack) => deployed(config, target, stack).await?,
        None => local(config).await?,
    };
    if let (Some(queue), Some(dlq)) = (&target.queue_url, &target.dlq_url) {
        place.queue_url.clone_from(queue);
        place.dlq_url.clone_from(dlq);
    }
    Ok(place)
}

/// The queues of the local stack with these variables.
///
/// # Errors
/// If a variable is missing, or the endpoint is one of AWS.
pub async fn of_stack(config: &Config, env: &EnvFile) -> Result<Place> {
    let (aws, queues) = variables(config, env)?;
    of_emulator(&aws, queues, None).await
}

async fn local(config: &Config) -> Result<Place> {
    let (aws, queues, file) = match (&config.endpoint_url, &config.queues) {
        (Some(endpoint), Some(queues)) => {
            (Aws::at(config, endpoint), queues.clone(), config.functions_log.clone())
        }
        _ => {
            let (aws, queues) = variables(config, &EnvFile::of_make_up(config)?)?;
            (aws, queues, None)
        }
    };
    of_emulator(&aws, queues, file).await
}

async fn of_emulator(
    aws: &Aws,
    (queue_url, dlq_url): (String, String),
    file: Option<PathBuf>,
) -> Result<Place> {
    aws::refuse_the_cloud(&aws.endpoint)?;
    Ok(Place {
        sqs: aws_sdk_sqs::Client::new(&aws.service("SQS").await),
        log: match file {
            Some(file) => Log::File(file),
            None => Log::group(&aws.service("CLOUDWATCH_LOGS").await, STACK_NAME),
        },
        queue_url,
        dlq_url,
    })
}

fn variables(config: &Config, env: &EnvFile) -> Result<(Aws, (String, String))> {
    let get = |name: &str| env.get(name).map(str::to_owned);
    let mut aws = Aws::at(config, env.get("AWS_ENDPOINT_URL")?).alone();
    // The shell may be set up for another one.
    aws.region = get("AWS_REGION")?;
    aws.credentials = (get("AWS_ACCESS_KEY_ID")?, get("AWS_SECRET_ACCESS_KEY")?);
    Ok((aws, (get("FULFILLMENT_QUEUE_URL")?, get("FULFILLMENT_DLQ_URL")?)))
}

async fn deployed(config: &Config, target: &Target, stack: &str) -> Result<Place> {
    config.refuse_an_emulator(target.emulator, "make dlq")?;
    let aws = sdk_config(config, target).await?;
    let region = aws.region().map_or("?", Region::as_ref);
    let formation = aws_sdk_cloudformation::Client::new(&aws);
    let found = remote::describe(&formation, stack)
        .await?
        .ok_or_else(|| Error::new(format!("The stack {stack} does not exist in {region}.")))?;
    Ok(Place {
        sqs: aws_sdk_sqs::Client::new(&aws),
        queue_url: found.output("FulfillmentQueueUrl")?.to_owned(),
        dlq_url: found.output("FulfillmentDlqUrl")?.to_owned(),
        log: Log::group(&aws, stack),
    })
}

/// The client configuration, by the arguments and then by the settings of `sam deploy`.
async fn sdk_config(config: &Config, target: &Target) -> Result<SdkConfig> {
    let settings = Settings::read(config, &[])?;
    let profile = target.profile.clone().or_else(|| settings.get("profile"));
    let region = target.region.clone().or_else(|| settings.get("region"));
    let emulator = config.endpoint_url.as_deref().filter(|_| target.emulator);
    let sdk = credentials::sdk_config(profile, region, emulator).await?;
    if sdk.region().is_none() {
        return Err(Error::new("No region is set: make dlq ARGS=\"--stack-name … --region …\"."));
    }
    Ok(sdk)
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::empty;

    #[test]
    fn the_stack_of_make_up_is_used_even_if_the_shell_is_set_up_for_another() {
        let mut config = empty();
        config.region = "eu-west-3".to_owned();
        config.credentials = Some(("AKIA".to_owned(), "real".to_owned()));
        config.endpoint_url = Some("http://127.0.0.1:9".to_owned());
        let pairs = [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("FULFILLMENT_QUEUE_URL", "http://127.0.0.1:4566/0/q"),
            ("FULFILLMENT_DLQ_URL", "http://127.0.0.1:4566/0/q-dead"),
        ];
        let env = EnvFile(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let (aws, queues) = variables(&config, &env).unwrap();
        assert_eq!(aws.endpoint, "http://127.0.0.1:4566");
        assert_eq!(aws.region, "us-east-1");
        assert_eq!(aws.credentials.1, "test");
        assert_eq!(name(&queues.1), "q-dead");
    }

    #[tokio::test]
    async fn without_a_stack_it_says_what_to_do() {
        let error = local(&empty()).await.unwrap_err().to_string();
        assert!(error.contains("make up"), "{error}");
    }
}
