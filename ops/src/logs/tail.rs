//! The logs of a stack as they arrive.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatchlogs::Client;

use super::groups::{groups, prefix, read};
use crate::aws::Aws;
use crate::error::Result;

/// How late a line may arrive.
const OVERLAP_MS: i64 = 10_000;

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
