//! Where the stack is: from the environment, or from `.local/stack.env`.

use std::path::PathBuf;

use waybill::config::DatabaseEngine;
use waybill_ops::aws::Aws;
use waybill_ops::config::{Config, variable};
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Context as _, Result};

/// The stack that traffic is sent to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The base URL of the API, without a slash at the end.
    pub api_url: String,
    /// A customer's token, from which the tokens of the run's customers are made.
    pub token: String,
    /// A token of staff.
    pub staff_token: String,
    /// The file of the key that signs tokens.
    pub key: PathBuf,
    /// The database of the stack.
    pub database_url: String,
    /// The engine of that database.
    pub database_engine: DatabaseEngine,
    /// The fulfillment queue.
    pub queue_url: String,
    /// The event bus, which has the name of the stack.
    pub bus: String,
    /// The endpoint of the AWS APIs.
    pub aws: Aws,
    /// Where the control API of the faults is, if it runs.
    pub faults_url: Option<String>,
    /// The folder of the stack's files.
    pub stack_dir: PathBuf,
    /// The folder for histories and reports.
    pub out: PathBuf,
}

impl Target {
    /// The stack of the environment if it has `API_URL`, otherwise that of `make up`.
    ///
    /// # Errors
    /// If there is neither, or a variable is missing.
    pub fn find() -> Result<Self> {
        let config = Config::from_environment()?;
        if variable("API_URL").is_some() {
            let names = Self::REQUIRED.iter().chain(&Self::OPTIONAL);
            let given = names.filter_map(|name| Some(((*name).to_owned(), variable(name)?)));
            return Self::read(&EnvFile(given.collect()), &config);
        }
        Self::read(&EnvFile::of_make_up(&config)?, &config)
    }

    const REQUIRED: [&str; 8] = [
        "API_URL",
        "TOKEN",
        "STAFF_TOKEN",
        "TOKEN_KEY_FILE",
        "DATABASE_URL",
        "FULFILLMENT_QUEUE_URL",
        "EVENT_BUS_NAME",
        "AWS_ENDPOINT_URL",
    ];
    const OPTIONAL: [&str; 5] = [
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "DATABASE_ENGINE",
        "FAULTS_URL",
    ];

    fn read(env: &EnvFile, config: &Config) -> Result<Self> {
        let text = |name: &str| env.get(name).map(str::to_owned);
        let own = Config::read(|name| env.0.get(name).cloned(), config.root.clone());
        let key = PathBuf::from(text("TOKEN_KEY_FILE")?);
        let engine = env.0.get("DATABASE_ENGINE").filter(|name| !name.is_empty());
        let engine = engine.map_or(Ok(DatabaseEngine::default()), |name| name.parse());
        Ok(Self {
            api_url: text("API_URL")?.trim_end_matches('/').to_owned(),
            token: text("TOKEN")?,
            staff_token: text("STAFF_TOKEN")?,
            stack_dir: key.parent().map(PathBuf::from).unwrap_or_default(),
            key,
            database_url: text("DATABASE_URL")?,
            database_engine: engine.context(|| "The stack's database is unknown.")?,
            queue_url: text("FULFILLMENT_QUEUE_URL")?,
            bus: text("EVENT_BUS_NAME")?,
            aws: Aws::at(&own, env.get("AWS_ENDPOINT_URL")?),
            faults_url: env.0.get("FAULTS_URL").filter(|url| !url.is_empty()).cloned(),
            out: config.local().join("traffic"),
        })
    }
}
