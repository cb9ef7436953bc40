//! `make logs`: the log lines of the functions of the running stack.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatchlogs::Client;

use crate::aws::Aws;
use crate::config::Config;
use crate::env_file::EnvFile;
use crate::error::{Context as _, Result};
use crate::remote::STACK_NAME;
use crate::ui;

/// How often the log groups are read.
const PERIOD: Duration = Duration::from_secs(1);
/// How late a line may arrive.
const OVERLAP_MS: i64 = 10_000;
/// The beginnings of lines that the platform writes.
const PLATFORM: [&str; 4] = ["INIT_START ", "START RequestId", "END RequestId", "REPORT RequestId"];

/// Prints the lines of the functions since then, sorted by time, and follows new ones if told to.
///
/// # Errors
/// If no stack is running, or its logs can't be read.
pub async fn follow(config: &Config, since: Duration, follow: bool) -> Result<()> {
    let env = EnvFile::of_make_up(config)?;
    let mut tail = Tail::new(&Aws::at(config, env.get("AWS_ENDPOINT_URL")?), since).await;
    loop {
        for event in tail.next().await? {
            event.text.lines().filter(|line| is_of_a_function(line)).for_each(ui::line);
        }
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Reads the logs of all functions of a stack as they arrive, each event once.
#[derive(Debug)]
pub struct Tail {
    client: Client,
    from: i64,
    seen: BTreeMap<(String, String), i64>,
}

/// An event of a log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it was logged, in milliseconds since 1970.
    pub at_ms: i64,
    /// The function, without the name of the stack.
    pub function: String,
    /// One line, or several.
    pub text: String,
}

impl Tail {
    /// Begins `since` ago.
    pub async fn new(aws: &Aws, since: Duration) -> Self {
        let client = Client::new(&aws.clone().alone().service("CLOUDWATCH_LOGS").await);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let from = i64::try_from(now.saturating_sub(since).as_millis()).unwrap_or_default();
        Self { client, from, seen: BTreeMap::new() }
    }

    /// The events that were not returned before, sorted by time.
    ///
    /// # Errors
    /// If the logs can't be read.
    pub async fn next(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for group in groups(&self.client).await? {
            let function = group.strip_prefix(&prefix()).unwrap_or(&group).to_owned();
            let mut read_now = Vec::new();
            read(&self.client, &group, self.from, &mut self.seen, &mut read_now).await?;
            events.extend(read_now.into_iter().map(|(at_ms, text)| Event {
                at_ms,
                function: function.clone(),
                text,
            }));
        }
        events.sort_by_key(|event| event.at_ms);
        if let Some(newest) = events.last() {
            self.from = self.from.max(newest.at_ms - OVERLAP_MS);
            self.seen.retain(|_, time| *time >= self.from);
        }
        Ok(events)
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
        let (mut from, mut seen, mut events) = (0, BTreeMap::new(), Vec::new());
        // The emulator returns ten thousand events at most, without a token for the next page.
        loop {
            let known = events.len();
            read(&client, &group, from, &mut seen, &mut events).await?;
            if events.len() == known {
                break;
            }
            from = events.iter().map(|(time, _)| *time).max().unwrap_or(from);
        }
        let lines = events.iter().flat_map(|(_, text)| text.lines());
        let lines = lines.filter(|line| is_of_a_function(line)).map(str::to_owned);
        all.insert(group, lines.collect());
    }
    Ok(all)
}

/// Whether a line was written by a function, and not by the platform.
#[must_use]
pub fn is_of_a_function(line: &str) -> bool {
    !line.trim().is_empty() && !PLATFORM.iter().any(|prefix| line.starts_with(prefix))
}

/// The beginning of the names of the log groups.
fn prefix() -> String {
    format!("/aws/lambda/{STACK_NAME}-")
}

async fn groups(client: &Client) -> Result<Vec<String>> {
    let found = client
        .describe_log_groups()
        .log_group_name_prefix(prefix())
        .send()
        .await
        .context(|| "Failed to list the log groups. Is the stack still running?")?;
    Ok(found.log_groups().iter().filter_map(|it| it.log_group_name().map(str::to_owned)).collect())
}

/// Adds the events of a group that were not seen before.
async fn read(
    client: &Client,
    group: &str,
    from: i64,
    seen: &mut BTreeMap<(String, String), i64>,
    lines: &mut Vec<(i64, String)>,
) -> Result<()> {
    let mut pages =
        client.filter_log_events().log_group_name(group).start_time(from).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.context(|| format!("Failed to read the log group {group}."))?;
        for event in page.events() {
            let (Some(message), Some(time)) = (event.message(), event.timestamp()) else {
                continue;
            };
            // The emulator's events have no id, but a line contains its request id and time.
            let key = (event.log_stream_name().unwrap_or_default().to_owned(), message.to_owned());
            if seen.insert(key, time).is_none() {
                lines.push((time, message.to_owned()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_functions_are_shown() {
        assert!(is_of_a_function(r#"{"level":"info"}"#));
        assert!(is_of_a_function("thread 'main' panicked at src/main.rs:1:1:"));
        assert!(!is_of_a_function("START RequestId: 1 Version: $LATEST"));
        assert!(!is_of_a_function("REPORT RequestId: 1\tDuration: 2 ms"));
        assert!(!is_of_a_function(""));
    }
}
