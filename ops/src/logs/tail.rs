//! The logs of a stack as they arrive.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatchlogs::Client;

use super::groups::{Reader, groups, prefix};
use crate::aws::Aws;
use crate::error::Result;

/// How late a line may arrive: it has its time before the emulator stores it.
const LATE_MS: i64 = 3_000;
/// The most events of one function that are read at once. The emulator serves nobody else
/// while it searches.
const MOST: i32 = 2_000;

/// Reads the logs of all functions of a stack as they arrive, each event once.
#[derive(Debug)]
pub struct Tail {
    client: Client,
    from: i64,
    readers: BTreeMap<String, Reader>,
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
        Self { client, from: ago(since), readers: BTreeMap::new() }
    }

    /// The next events that were not returned before, sorted by time.
    ///
    /// # Errors
    /// If the logs can't be read.
    pub async fn next(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for group in groups(&self.client).await? {
            let function = group.strip_prefix(&prefix()).unwrap_or(&group).to_owned();
            let new = || Reader::new(&group, self.from);
            let reader = self.readers.entry(function.clone()).or_insert_with(new);
            let found = reader.next(&self.client, MOST, LATE_MS).await?;
            events.extend(found.into_iter().map(|(at_ms, text)| Event {
                at_ms,
                function: function.clone(),
                text,
            }));
        }
        events.sort_by_key(|event| event.at_ms);
        Ok(events)
    }

    /// Whether there were more events than [`Self::next`] returned.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.readers.values().any(Reader::is_behind)
    }

    /// Leaves out what was logged more than `since` ago.
    pub fn skip_to(&mut self, since: Duration) {
        self.from = ago(since);
        self.readers.values_mut().for_each(|reader| reader.skip_to(self.from));
    }
}

/// That time, in milliseconds since 1970.
fn ago(since: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(since).as_millis()).unwrap_or_default()
}
