//! Where the functions of a local stack log.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatchlogs::Client;

use super::groups::{groups, read_all};
use super::lines::is_of_a_function;
use crate::aws::{self, Aws};
use crate::config::Config;
use crate::env_file::EnvFile;
use crate::error::{Context as _, Result};

/// Where the functions of a local stack log.
#[derive(Debug)]
pub enum Source {
    /// The log groups of `make up`.
    Groups(Client),
    /// The file of `make watch`.
    File(PathBuf),
}

impl Source {
    /// The log of the stack whose `stack.env` the shell has sourced, or else of the one of `make up`.
    ///
    /// # Errors
    /// If no stack is running.
    pub async fn find(config: &Config) -> Result<Self> {
        let aws = match (&config.endpoint_url, &config.queues, &config.functions_log) {
            (Some(_), Some(_), Some(file)) => return Ok(Self::File(file.clone())),
            (Some(endpoint), Some(_), None) => Aws::at(config, endpoint),
            _ => {
                let env = EnvFile::of_make_up(config)?;
                Aws::at(config, env.get("AWS_ENDPOINT_URL")?).alone()
            }
        };
        aws::refuse_the_cloud(&aws.endpoint)?;
        Ok(Self::Groups(Client::new(&aws.service("CLOUDWATCH_LOGS").await)))
    }

    /// The lines since then, of all functions. A file is read from its beginning.
    ///
    /// # Errors
    /// If the log can't be read.
    pub async fn since(&self, from: SystemTime) -> Result<Vec<String>> {
        let text = match self {
            Self::File(path) => std::fs::read_to_string(path)
                .context(|| format!("Failed to read {}.", path.display()))?,
            Self::Groups(client) => {
                let since = from.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
                let since = i64::try_from(since).unwrap_or_default();
                let mut events = Vec::new();
                for group in groups(client).await? {
                    events.extend(read_all(client, &group, since).await?);
                }
                events.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
            }
        };
        Ok(text.lines().filter(|line| is_of_a_function(line)).map(str::to_owned).collect())
    }
}
