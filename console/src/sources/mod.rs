//! Where the console reads: the parts of a local stack.

pub(crate) mod control;
pub(crate) mod database;
pub(crate) mod mail;
pub(crate) mod orders;
pub(crate) mod processes;
pub(crate) mod products;
pub(crate) mod queues;

use aws_sdk_sqs::Client as Sqs;
use reqwest::Client as Http;
use std::time::Duration;
use waybill_ops::aws::{self, Aws};
use waybill_ops::config::Config;
use waybill_ops::dlq::{self, Place, Queue};
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Context as _, Result};

use self::database::Database;

/// How long a call of the console to another program may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the variables of the stack are.
#[derive(Debug, Clone)]
pub(crate) enum Variables {
    /// In the file that `make up` writes, and writes again.
    OfMakeUp(Box<Config>),
    /// Here.
    Given(EnvFile),
}

/// The parts of a local stack.
#[derive(Debug)]
pub(crate) struct Sources {
    variables: Variables,
    /// The emulator.
    pub(crate) aws: Aws,
    /// The queue of jobs.
    pub(crate) jobs: Place,
    /// The queue of events for mail, if the stack sends any.
    pub(crate) mail: Option<Place>,
    /// The database, read-only.
    pub(crate) database: Database,
    /// A client for loopback.
    pub(crate) http: Http,
}

impl Sources {
    /// Reads the variables. Makes no call yet.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub(crate) async fn new(config: &Config, variables: Variables) -> Result<Self> {
        let env = variables.read()?;
        let get = |name: &str| env.get(name).map(str::to_owned);
        let mut aws = Aws::at(config, env.get("AWS_ENDPOINT_URL")?).alone();
        aws.region = get("AWS_REGION")?;
        aws.credentials = (get("AWS_ACCESS_KEY_ID")?, get("AWS_SECRET_ACCESS_KEY")?);
        aws::refuse_the_cloud(&aws.endpoint)?;
        let mail = if Queue::Mail.is_in(&env) {
            Some(dlq::of_stack(config, Queue::Mail, &env).await?)
        } else {
            None
        };
        Ok(Self {
            jobs: dlq::of_stack(config, Queue::Fulfillment, &env).await?,
            mail,
            database: Database::new(env.get("DATABASE_URL")?)?,
            http: Http::builder()
                .timeout(PATIENCE)
                // Everything is on this machine.
                .no_proxy()
                .build()
                .context(|| "Failed to make an HTTP client.")?,
            aws,
            variables,
        })
    }

    /// The variables of the stack as they are now: tokens are renewed, and other programs come and go.
    ///
    /// # Errors
    /// If the stack was stopped.
    pub(crate) fn env(&self) -> Result<EnvFile> {
        self.variables.read()
    }

    /// The client of the queues.
    pub(crate) fn sqs(&self) -> &Sqs {
        &self.jobs.sqs
    }

    /// The queues that have dead letters.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        [&self.jobs].into_iter().chain(&self.mail)
    }

    /// The one with this name.
    pub(crate) fn place(&self, name: &str) -> Option<&Place> {
        self.places().find(|place| place.queue.name() == name)
    }
}

impl Variables {
    /// Reads them.
    ///
    /// # Errors
    /// If the stack was stopped.
    pub(crate) fn read(&self) -> Result<EnvFile> {
        match self {
            Self::OfMakeUp(config) => EnvFile::of_make_up(config),
            Self::Given(env) => Ok(env.clone()),
        }
    }
}

/// An error for people, with its causes.
pub(crate) fn sentence(error: &waybill_ops::error::Error) -> String {
    match error.causes() {
        Some(causes) => format!("{error} ({causes})"),
        None => error.to_string(),
    }
}
