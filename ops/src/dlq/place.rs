//! Finds the dead letters: of a local stack by its variables, of a deployed one by its outputs.

use std::path::PathBuf;

use aws_config::{Region, SdkConfig};
use clap::{Args, ValueEnum};

use super::reasons::Log;
use crate::aws::{self, Aws};
use crate::config::Config;
use crate::credentials;
use crate::env_file::EnvFile;
use crate::error::{Error, Result};
use crate::remote::{self, STACK_NAME};
use crate::settings::Settings;

/// A queue that has a dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Queue {
    /// Jobs, for fulfill-order
    Fulfillment,
    /// Events, for notify-customer
    Mail,
}

/// Which stack and queues.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The queue whose dead letters are meant
    #[arg(long, value_enum, default_value_t = Queue::Fulfillment)]
    queue: Queue,
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

/// A queue of a stack with its dead letters and the log of its consumer, and a client.
#[derive(Debug)]
pub struct Place {
    /// Which queue it is.
    pub queue: Queue,
    /// The client of the queues.
    pub sqs: aws_sdk_sqs::Client,
    /// The queue in front.
    pub queue_url: String,
    /// The dead-letter queue.
    pub dlq_url: String,
    /// The log of the queue's consumer.
    pub log: Log,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Fulfillment, Self::Mail];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fulfillment => "fulfillment",
            Self::Mail => "mail",
        }
    }

    /// Whether a stack with these variables has it.
    #[must_use]
    pub fn is_in(self, env: &EnvFile) -> bool {
        self.variables().iter().all(|name| env.0.contains_key(*name))
    }

    /// The function that consumes it.
    #[must_use]
    pub fn consumer(self) -> &'static str {
        match self {
            Self::Fulfillment => "fulfill-order",
            Self::Mail => "notify-customer",
        }
    }

    /// The URLs of it and of its dead-letter queue, in the variables of a shell.
    fn of_shell(self, config: &Config) -> Option<(String, String)> {
        match self {
            Self::Fulfillment => config.queues.clone(),
            Self::Mail => config.notification_queues.clone(),
        }
    }

    /// The variables of `stack.env` with both.
    fn variables(self) -> [&'static str; 2] {
        match self {
            Self::Fulfillment => ["FULFILLMENT_QUEUE_URL", "FULFILLMENT_DLQ_URL"],
            Self::Mail => ["NOTIFICATION_QUEUE_URL", "NOTIFICATION_DLQ_URL"],
        }
    }

    /// The outputs of a stack with both.
    fn outputs(self) -> [&'static str; 2] {
        match self {
            Self::Fulfillment => ["FulfillmentQueueUrl", "FulfillmentDlqUrl"],
            Self::Mail => ["NotificationQueueUrl", "NotificationDlqUrl"],
        }
    }
}

impl Place {
    /// The name of the queue.
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
        None => local(config, target.queue).await?,
    };
    if let (Some(queue), Some(dlq)) = (&target.queue_url, &target.dlq_url) {
        place.queue_url.clone_from(queue);
        place.dlq_url.clone_from(dlq);
    }
    Ok(place)
}

/// A queue of the local stack with these variables.
///
/// # Errors
/// If a variable is missing, or the endpoint is one of AWS.
pub async fn of_stack(config: &Config, queue: Queue, env: &EnvFile) -> Result<Place> {
    let (aws, urls) = variables(config, queue, env)?;
    of_emulator(&aws, queue, urls, None).await
}

async fn local(config: &Config, queue: Queue) -> Result<Place> {
    let in_shell = config.endpoint_url.as_ref().zip(queue.of_shell(config));
    let (aws, urls, file) = match in_shell {
        Some((endpoint, urls)) => (Aws::at(config, endpoint), urls, config.functions_log.clone()),
        None => {
            let (aws, urls) = variables(config, queue, &EnvFile::of_make_up(config)?)?;
            (aws, urls, None)
        }
    };
    of_emulator(&aws, queue, urls, file).await
}

async fn of_emulator(
    aws: &Aws,
    queue: Queue,
    (queue_url, dlq_url): (String, String),
    file: Option<PathBuf>,
) -> Result<Place> {
    aws::refuse_the_cloud(&aws.endpoint)?;
    Ok(Place {
        queue,
        sqs: aws_sdk_sqs::Client::new(&aws.service("SQS").await),
        log: match file {
            Some(file) => Log::File(file, queue.consumer()),
            None => Log::group(&aws.service("CLOUDWATCH_LOGS").await, STACK_NAME, queue.consumer()),
        },
        queue_url,
        dlq_url,
    })
}

fn variables(config: &Config, queue: Queue, env: &EnvFile) -> Result<(Aws, (String, String))> {
    let get = |name: &str| env.get(name).map(str::to_owned);
    let mut aws = Aws::at(config, env.get("AWS_ENDPOINT_URL")?).alone();
    // The shell may be set up for another one.
    aws.region = get("AWS_REGION")?;
    aws.credentials = (get("AWS_ACCESS_KEY_ID")?, get("AWS_SECRET_ACCESS_KEY")?);
    let [queue, dead_letters] = queue.variables();
    Ok((aws, (get(queue)?, get(dead_letters)?)))
}

async fn deployed(config: &Config, target: &Target, stack: &str) -> Result<Place> {
    config.refuse_an_emulator(target.emulator, "make dlq")?;
    let aws = sdk_config(config, target).await?;
    let region = aws.region().map_or("?", Region::as_ref);
    let formation = aws_sdk_cloudformation::Client::new(&aws);
    let found = remote::describe(&formation, stack)
        .await?
        .ok_or_else(|| Error::new(format!("The stack {stack} does not exist in {region}.")))?;
    let [queue, dead_letters] = target.queue.outputs();
    if target.queue == Queue::Mail && !found.outputs.contains_key(queue) {
        return Err(Error::new(format!(
            "The stack {stack} sends no mail: its MailSender is empty, or its MailRecipient is none."
        )));
    }
    Ok(Place {
        queue: target.queue,
        sqs: aws_sdk_sqs::Client::new(&aws),
        queue_url: found.output(queue)?.to_owned(),
        dlq_url: found.output(dead_letters)?.to_owned(),
        log: Log::group(&aws, stack, target.queue.consumer()),
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
            ("NOTIFICATION_QUEUE_URL", "http://127.0.0.1:4566/0/n"),
            ("NOTIFICATION_DLQ_URL", "http://127.0.0.1:4566/0/n-dead"),
        ];
        let env = EnvFile(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let (aws, queues) = variables(&config, Queue::Fulfillment, &env).unwrap();
        assert_eq!(aws.endpoint, "http://127.0.0.1:4566");
        assert_eq!(aws.region, "us-east-1");
        assert_eq!(aws.credentials.1, "test");
        assert_eq!(name(&queues.1), "q-dead");
        let (_, queues) = variables(&config, Queue::Mail, &env).unwrap();
        assert_eq!((name(&queues.0), name(&queues.1)), ("n", "n-dead"));
    }

    #[tokio::test]
    async fn without_a_stack_it_says_what_to_do() {
        let error = local(&empty(), Queue::Fulfillment).await.unwrap_err().to_string();
        assert!(error.contains("make up"), "{error}");
    }

    #[test]
    fn a_queue_has_the_name_that_the_command_line_takes() {
        for queue in Queue::ALL {
            assert_eq!(queue.to_possible_value().unwrap().get_name(), queue.name());
        }
    }

    #[test]
    fn a_stack_without_mail_has_no_queue_for_it() {
        let names = ["FULFILLMENT_QUEUE_URL", "FULFILLMENT_DLQ_URL", "NOTIFICATION_QUEUE_URL"];
        let env = EnvFile(names.map(|name| (name.to_owned(), "http://q".to_owned())).into());
        assert!(Queue::Fulfillment.is_in(&env) && !Queue::Mail.is_in(&env));
    }
}
