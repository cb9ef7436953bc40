//! The log groups of a local stack.

use std::collections::BTreeSet;

use aws_sdk_cloudwatchlogs::Client;

use crate::error::{Context as _, Result};
use crate::remote::STACK_NAME;

/// The most events of one answer.
const MOST: i32 = 10_000;

/// The beginning of the names of the log groups.
pub(super) fn prefix() -> String {
    format!("/aws/lambda/{STACK_NAME}-")
}

/// The names of the log groups of the stack.
pub(super) async fn groups(client: &Client) -> Result<Vec<String>> {
    let found = client
        .describe_log_groups()
        .log_group_name_prefix(prefix())
        .send()
        .await
        .context(|| "Failed to list the log groups. Is the stack still running?")?;
    Ok(found.log_groups().iter().filter_map(|it| it.log_group_name().map(str::to_owned)).collect())
}

/// The events of a group since then, with the times at which they were logged.
pub(super) async fn read_all(
    client: &Client,
    group: &str,
    from: i64,
) -> Result<Vec<(i64, String)>> {
    let mut reader = Reader::new(group, from);
    let mut events = Vec::new();
    loop {
        events.extend(reader.next(client, MOST, 0).await?);
        if !reader.is_behind() {
            return Ok(events);
        }
    }
}

/// Reads a log group, each event once.
#[derive(Debug)]
pub(super) struct Reader {
    group: String,
    from: i64,
    /// The events since `from` that were returned. The emulator's events have no id.
    returned: BTreeSet<Found>,
    is_behind: bool,
}

/// An event: its time in milliseconds since 1970, its stream, and its text.
type Found = (i64, String, String);

impl Reader {
    /// Begins at that time, in milliseconds since 1970.
    pub(super) fn new(group: &str, from: i64) -> Self {
        Self { group: group.to_owned(), from, returned: BTreeSet::new(), is_behind: false }
    }

    /// Whether the last answer was full, so that there are more events.
    pub(super) const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Leaves out what is older.
    pub(super) fn skip_to(&mut self, from: i64) {
        self.from = self.from.max(from);
    }

    /// The next events, at most `most`: the emulator has no token for a next page, and serves nobody else
    /// while it searches. An event may arrive up to `late_ms` after its time.
    pub(super) async fn next(
        &mut self,
        client: &Client,
        most: i32,
        late_ms: i64,
    ) -> Result<Vec<(i64, String)>> {
        let answer = client
            .filter_log_events()
            .log_group_name(&self.group)
            .start_time(self.from)
            .limit(most)
            .send()
            .await
            .context(|| format!("Failed to read the log group {}.", self.group))?;
        let found = answer.events().iter().filter_map(|event| {
            let stream = event.log_stream_name().unwrap_or_default().to_owned();
            Some((event.timestamp()?, stream, event.message()?.to_owned()))
        });
        let found: Vec<Found> = found.collect();
        self.is_behind = usize::try_from(most).is_ok_and(|most| found.len() >= most);
        Ok(self.take(found, late_ms))
    }

    /// Those events that were not returned before. Goes on after them the next time.
    fn take(&mut self, found: Vec<Found>, late_ms: i64) -> Vec<(i64, String)> {
        let newest = found.iter().map(|(time, ..)| *time).max().unwrap_or(self.from);
        let new = found.into_iter().filter(|event| self.returned.insert(event.clone()));
        let new = new.map(|(time, _, text)| (time, text)).collect();
        self.from = if !self.is_behind {
            self.from.max(newest - late_ms)
        } else if newest > self.from {
            newest
        } else {
            // A whole answer of one millisecond.
            self.from + 1
        };
        self.returned.retain(|(time, ..)| *time >= self.from);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a log of which an answer has the oldest `most` events since a time, as the emulator does.
    fn read(reader: &mut Reader, log: &[Found], most: usize) -> Vec<String> {
        let since = log.iter().filter(|(time, ..)| *time >= reader.from);
        let found: Vec<Found> = since.take(most).cloned().collect();
        reader.is_behind = found.len() >= most;
        reader.take(found, 100).into_iter().map(|(_, text)| text).collect()
    }

    fn event(time: i64, text: &str) -> Found {
        (time, "a stream".to_owned(), text.to_owned())
    }

    #[test]
    fn an_event_is_returned_once_and_one_that_comes_late_too() {
        let mut reader = Reader::new("f", 0);
        let mut log = vec![event(10, "a"), event(1_000, "b"), event(1_001, "b")];
        assert_eq!(read(&mut reader, &log, 10), ["a", "b", "b"]);
        assert!(read(&mut reader, &log, 10).is_empty());
        log.insert(1, event(950, "late"));
        assert_eq!(read(&mut reader, &log, 10), ["late"]);
        log.push(event(1_002, "b"));
        assert_eq!(read(&mut reader, &log, 10), ["b"]);
        assert!(reader.returned.len() <= 4, "{:?}", reader.returned);
    }

    #[test]
    fn a_long_log_is_read_to_its_end_in_parts() {
        let log: Vec<Found> = (0..50).map(|place| event(place / 3, &place.to_string())).collect();
        let (mut reader, mut read_so_far) = (Reader::new("f", 0), Vec::new());
        loop {
            read_so_far.extend(read(&mut reader, &log, 7));
            if !reader.is_behind() {
                break;
            }
        }
        let all: Vec<String> = (0..50).map(|place| place.to_string()).collect();
        assert_eq!(read_so_far, all);
    }

    #[test]
    fn a_millisecond_with_more_than_an_answer_is_not_read_for_ever() {
        let log = [event(5, "a"), event(5, "b"), event(5, "c"), event(6, "d")];
        let mut reader = Reader::new("f", 0);
        let mut answers = (0..4).map(|_| read(&mut reader, &log, 2));
        assert_eq!(answers.next().unwrap(), ["a", "b"]);
        assert_eq!(answers.flatten().collect::<Vec<_>>(), ["d"]);
    }
}
