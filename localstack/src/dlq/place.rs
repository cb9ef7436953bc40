//! Where the dead letters are: a local stack by its variables, a deployed one by its outputs.

use std::fs;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::types::Stack as Described;
use aws_sdk_sqs::config::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde::Deserialize;

use super::Target;
use crate::aws::Aws;
use crate::cloud::{self, Settings};
use crate::config::Config;
use crate::deploy::STACK_NAME;
use crate::env_file::EnvFile;
use crate::error::{Context as _, Error, Result};
use crate::stack::{self, Stack};
use crate::tools::Tools;

/// The credentials and the region that the AWS tools of this machine would use, as JSON. It is the same
/// chain that `sam deploy` goes by, with sign-on and all the kinds that a Rust client knows only with
/// more SDKs compiled in.
const CHAIN: &str = "import json, os, sys
from botocore.exceptions import BotoCoreError
from botocore.session import Session
try:
    session = Session(profile=sys.argv[1] or None)
    found = session.get_credentials()
    keys = found and found.get_frozen_credentials()
    region = os.environ.get('AWS_REGION') or session.get_config_variable('region')
except BotoCoreError as e: sys.exit(str(e))
if not keys: sys.exit('none were found')
json.dump({'key': keys.access_key, 'secret': keys.secret_key, 'token': keys.token, 'region': region}, sys.stdout)";

/// A stack's queues and its log, and the clients to reach them.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) queue_url: String,
    pub(super) dlq_url: String,
    /// The log group of fulfill-order.
    pub(super) log_group: String,
}

impl Place {
    /// The name of the queue, for sentences.
    pub(super) fn queue_name(&self) -> &str {
        name(&self.queue_url)
    }

    /// The name of the dead-letter queue.
    pub(super) fn dlq_name(&self) -> &str {
        name(&self.dlq_url)
    }
}

/// Finds what is meant: the deployed stack that is named, or the one whose `stack.env` this shell has
/// sourced, or the one of `make up`.
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

async fn local(config: &Config) -> Result<Place> {
    let (aws, (queue_url, dlq_url)) = match (&config.endpoint_url, &config.queues) {
        (Some(endpoint), Some(queues)) => (Aws::at(config, endpoint), queues.clone()),
        _ => of_make_up(config, &Stack::main_env(config)?)?,
    };
    stack::refuse_the_cloud(&aws.endpoint)?;
    Ok(Place {
        sqs: aws_sdk_sqs::Client::new(&aws.service("SQS").await),
        logs: aws_sdk_cloudwatchlogs::Client::new(&aws.service("CLOUDWATCH_LOGS").await),
        queue_url,
        dlq_url,
        log_group: log_group(STACK_NAME),
    })
}

fn of_make_up(config: &Config, env: &EnvFile) -> Result<(Aws, (String, String))> {
    let get = |name: &str| env.get(name).map(str::to_owned);
    let mut aws = Aws::at(config, env.get("AWS_ENDPOINT_URL")?).alone();
    // Whatever else this shell is set up for.
    aws.region = get("AWS_REGION")?;
    aws.credentials = (get("AWS_ACCESS_KEY_ID")?, get("AWS_SECRET_ACCESS_KEY")?);
    Ok((aws, (get("FULFILLMENT_QUEUE_URL")?, get("FULFILLMENT_DLQ_URL")?)))
}

async fn deployed(config: &Config, target: &Target, stack: &str) -> Result<Place> {
    cloud::refuse_an_emulator(config, target.emulator, "make dlq")?;
    let aws = sdk_config(config, target).await?;
    let region = aws.region().map_or("?", Region::as_ref);
    let found = aws_sdk_cloudformation::Client::new(&aws)
        .describe_stacks()
        .stack_name(stack)
        .send()
        .await
        .context(|| format!("The stack {stack} cannot be found in {region}."))?;
    let outputs = found.stacks().first().map(Described::outputs).unwrap_or_default();
    let output = |name: &str| {
        let found = outputs.iter().find(|output| output.output_key() == Some(name));
        found.and_then(|output| output.output_value()).map(str::to_owned).ok_or_else(|| {
            Error::new(format!(
                "The stack {stack} in {region} has no output {name}; is it Waybill?"
            ))
        })
    };
    Ok(Place {
        sqs: aws_sdk_sqs::Client::new(&aws),
        logs: aws_sdk_cloudwatchlogs::Client::new(&aws),
        queue_url: output("FulfillmentQueueUrl")?,
        dlq_url: output("FulfillmentDlqUrl")?,
        log_group: log_group(stack),
    })
}

/// What the chain yields.
#[derive(Deserialize)]
struct Found {
    key: String,
    secret: String,
    token: Option<String>,
    region: Option<String>,
}

/// Clients towards AWS, by what was said here, then by what the deployment went by.
async fn sdk_config(config: &Config, target: &Target) -> Result<SdkConfig> {
    let file = fs::read_to_string(config.root.join("samconfig.toml")).unwrap_or_default();
    let settings = Settings { arguments: &[], file: &file };
    let profile = target.profile.clone().or_else(|| settings.get("profile")).unwrap_or_default();
    let found = chain(config, &profile).await?;
    let region = target.region.clone().or_else(|| settings.get("region")).or(found.region);
    let region = region.ok_or_else(|| {
        Error::new("Say in which region the stack is: make dlq ARGS=\"--stack-name … --region …\".")
    })?;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(region))
        .credentials_provider(Credentials::new(
            found.key,
            found.secret,
            found.token,
            None,
            "waybill-local",
        ));
    if !profile.is_empty() {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = config.endpoint_url.as_ref().filter(|_| target.emulator) {
        loader = loader.endpoint_url(endpoint);
    }
    Ok(loader.load().await)
}

async fn chain(config: &Config, profile: &str) -> Result<Found> {
    let tools = Tools::install(config).await?;
    let failed = || "The AWS credentials of this machine cannot be asked for.";
    let output = tools
        .command("python")
        .args(["-I", "-c", CHAIN, profile])
        .kill_on_drop(true)
        .output()
        .await
        .context(failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format!(
            "There are no AWS credentials to use: {}. Sign in as you do for `make deploy`, or name \
             a profile with --profile.",
            said.lines().last().unwrap_or("the tools said nothing").trim_end_matches('.')
        )));
    }
    serde_json::from_slice(&output.stdout).context(failed)
}

fn log_group(stack: &str) -> String {
    format!("/aws/lambda/{stack}-fulfill-order")
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::empty;

    #[test]
    fn the_stack_of_make_up_is_reached_whatever_the_shell_is_set_up_for() {
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
        let (aws, queues) = of_make_up(&config, &env).unwrap();
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
