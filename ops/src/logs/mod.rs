//! `make logs`: the log lines of the functions of the running stack.

mod filter;
mod groups;
mod lines;
mod since;
mod source;
mod tail;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use clap::Args;

pub use filter::Filter;
pub use lines::{is_of_a_function, is_trace};
pub use since::parse_since;
pub use source::Source;
pub use tail::{Event, Tail};

use groups::{groups, read_all};

use crate::aws::Aws;
use crate::config::Config;
use crate::env_file::EnvFile;
use crate::error::Result;
use crate::ui;

/// How often the log groups are read.
const PERIOD: Duration = Duration::from_secs(1);

/// The arguments of `make logs`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How far back to begin, such as 90s, 2m, 1h or 10 (minutes)
    #[arg(long, default_value = "10m", value_parser = parse_since)]
    since: Duration,
    /// Print the lines that exist, then end
    #[arg(long)]
    no_follow: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Arguments {
    /// Whether only Ctrl-C ends the command.
    #[must_use]
    pub fn follows(&self) -> bool {
        !self.no_follow
    }
}

/// Prints the lines of the functions that are asked for, sorted by time, and follows new ones.
///
/// # Errors
/// If no stack is running, or its logs can't be read.
pub async fn follow(config: &Config, arguments: &Arguments) -> Result<()> {
    let Arguments { since, filter, .. } = arguments;
    let env = EnvFile::of_make_up(config)?;
    let aws = Aws::at(config, env.get("AWS_ENDPOINT_URL")?).alone();
    let mut tail = Tail::new(&aws, *since).await;
    loop {
        let mut events = tail.next().await?;
        while tail.is_behind() {
            events.extend(tail.next().await?);
        }
        events.sort_by_key(|event| event.at_ms);
        for event in events {
            let lines = event.text.lines().filter(|line| is_of_a_function(line));
            lines.filter(|line| filter.matches(line)).for_each(ui::line);
        }
        if !arguments.follows() {
            return Ok(());
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// All lines of all functions of a stack, by log group.
///
/// # Errors
/// If the logs can't be read.
pub async fn all(aws: &Aws) -> Result<BTreeMap<String, Vec<String>>> {
    let client = Client::new(&aws.clone().alone().service("CLOUDWATCH_LOGS").await);
    let mut all = BTreeMap::new();
    for group in groups(&client).await? {
        let events = read_all(&client, &group, 0).await?;
        let lines = events.iter().flat_map(|(_, text)| text.lines());
        let lines = lines.filter(|line| is_of_a_function(line)).map(str::to_owned);
        all.insert(group, lines.collect());
    }
    Ok(all)
}
