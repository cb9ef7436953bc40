//! Why a message is a dead letter, from the log of the queue's consumer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use serde_json::Value;

use super::letters::Letter;
use crate::error::{Context as _, Result};

/// How long to search the logs. With days of logs some reasons are not found.
const PATIENCE: Duration = Duration::from_secs(30);
/// How far the clocks of the sender and of the log may differ.
const CLOCK_SKEW_MS: i64 = 60_000;

/// Where the consumer of the queue logs.
#[derive(Debug)]
pub enum Log {
    /// A log group of `CloudWatch`.
    Group(Client, String),
    /// The file of `make watch`, with the lines of all functions, and the consumer.
    File(PathBuf, &'static str),
}

impl Log {
    /// The log group of a function of a stack.
    pub(super) fn group(aws: &SdkConfig, stack: &str, function: &str) -> Self {
        Self::Group(Client::new(aws), format!("/aws/lambda/{stack}-{function}"))
    }

    fn name(&self) -> String {
        match self {
            Self::Group(_, name) => format!("the log group {name}"),
            Self::File(path, _) => path.display().to_string(),
        }
    }
}

/// The reasons that the log gives.
#[derive(Debug, Default)]
pub struct Reasons {
    by_message: BTreeMap<String, Said>,
    by_order: BTreeMap<String, Said>,
    /// Why reasons may be missing, in a sentence.
    pub failure: Option<String>,
}

/// A line of the log about a message or an order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    at_ms: i64,
    text: String,
}

impl Reasons {
    /// Searches the log for errors since the oldest letter was sent, once for all letters. If that
    /// fails, the reasons are missing, and the list is printed without them.
    pub async fn read(log: &Log, letters: &[&Letter]) -> Self {
        let mut reasons = Self::default();
        let Some(oldest) = letters.iter().filter_map(|letter| letter.sent_at_ms()).min() else {
            return reasons;
        };
        let search = reasons.search(log, oldest - CLOCK_SKEW_MS);
        reasons.failure = match tokio::time::timeout(PATIENCE, search).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!(
                "{error} Reasons are missing here. {}",
                error.causes().unwrap_or_default()
            )),
            Err(_) => Some(format!(
                "Not all of {} was searched within {} s, so reasons may be missing here.",
                log.name(),
                PATIENCE.as_secs()
            )),
        };
        reasons
    }

    /// The reason of one letter.
    ///
    /// A line about the message goes before the reason in the message: the message was redriven
    /// with that reason, and failed again. A line about the order may be about another message, and
    /// comes last.
    #[must_use]
    pub fn of(&self, letter: &Letter) -> String {
        let said = |said: Option<&Said>| said.map(|said| said.text.clone());
        let about_order = || self.by_order.get(&letter.content.as_ref()?.order_id);
        said(self.by_message.get(letter.id()))
            .or_else(|| letter.reason())
            .or_else(|| said(about_order()))
            .unwrap_or_else(|| "not known (its log lines are gone)".to_owned())
    }

    async fn search(&mut self, log: &Log, from_ms: i64) -> Result<()> {
        let failed = || format!("Failed to read {}.", log.name());
        let (client, group) = match log {
            Log::Group(client, group) => (client, group),
            Log::File(path, function) => {
                let text = std::fs::read_to_string(path).context(failed)?;
                let lines = text.lines().filter(|line| line.contains(function));
                // Newer lines are further down.
                (0..).zip(lines).for_each(|(number, line)| self.add(line, number));
                return Ok(());
            }
        };
        let mut pages = client
            .filter_log_events()
            .log_group_name(group)
            .start_time(from_ms)
            // Any line with this word: emulators support no other patterns.
            .filter_pattern("\"ERROR\"")
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.context(failed)?;
            for event in page.events() {
                let at_ms = event.timestamp().unwrap_or_default();
                // An emulator may return several lines as one event.
                event.message().unwrap_or_default().lines().for_each(|line| self.add(line, at_ms));
            }
        }
        Ok(())
    }

    fn add(&mut self, line: &str, at_ms: i64) {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return };
        let field = |name: &str| line.get(name).and_then(Value::as_str);
        let (Some("ERROR"), Some(message)) = (field("level"), field("message")) else { return };
        let text = match field("error") {
            Some(error) => format!("{message}: {error}"),
            None => message.to_owned(),
        };
        let said = Said { at_ms, text };
        // A line about a batch names all of its messages.
        let batch = field("message_ids").into_iter().flat_map(str::split_whitespace);
        for id in field("message_id").into_iter().chain(batch) {
            keep_newest(&mut self.by_message, id, &said);
        }
        if let Some(id) = field("order_id") {
            keep_newest(&mut self.by_order, id, &said);
        }
    }
}

fn keep_newest(all: &mut BTreeMap<String, Said>, id: &str, said: &Said) {
    let kept = all.entry(id.to_owned()).or_insert_with(|| said.clone());
    if kept.at_ms <= said.at_ms {
        kept.clone_from(said);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::letters::tests::{letter, order_letter, with_reason};
    use super::*;

    const ORDER: &str = "00000000-0000-0000-0000-000000000001";

    fn reasons(lines: &[(i64, Value)]) -> Reasons {
        let mut reasons = Reasons::default();
        for (at_ms, line) in lines {
            reasons.add(&line.to_string(), *at_ms);
        }
        reasons
    }

    fn job() -> Letter {
        order_letter("m", 1, "ORD-20260221-6BA0A415")
    }

    #[test]
    fn the_newest_error_that_names_the_message_is_the_reason() {
        let line = |level: &str, message: &str, id: &str| json!({"level": level, "message": message, "message_id": id});
        let reasons = reasons(&[
            (2, line("ERROR", "second", "m")),
            (1, line("ERROR", "first", "m")),
            (3, line("INFO", "an ERROR in the text", "m")),
            (4, line("ERROR", "another's", "n")),
        ]);
        assert_eq!(reasons.of(&letter("m", "{")), "second");
        assert_eq!(reasons.of(&letter("x", "{")), "not known (its log lines are gone)");
    }

    #[tokio::test]
    async fn the_file_of_make_watch_is_searched_for_lines_of_fulfill_order() {
        let file = std::env::temp_dir().join(format!("waybill-{}", uuid::Uuid::new_v4()));
        let line = |function: &str, message: &str| json!({"level": "ERROR", "function": function, "message": message, "message_id": "m"});
        let lines = [
            line("fulfill-order", "first"),
            line("fulfill-order", "last"),
            line("health", "other"),
        ];
        let text =
            format!("   Compiling fulfill-order\n{}\n{}\n{}\n", lines[0], lines[1], lines[2]);
        std::fs::write(&file, text).unwrap();
        let reasons =
            Reasons::read(&Log::File(file.clone(), "fulfill-order"), &[&letter("m", "{")]).await;
        std::fs::remove_file(&file).unwrap();
        assert_eq!(reasons.of(&letter("m", "{")), "last");
        assert_eq!(reasons.failure, None);
    }

    #[test]
    fn a_reason_contains_the_causes() {
        let line = json!({"level": "ERROR", "message": "the message is not a fulfillment job",
            "error": "version 2 is not supported", "message_id": "m"});
        let expected = "the message is not a fulfillment job: version 2 is not supported";
        assert_eq!(reasons(&[(1, line)]).of(&letter("m", "{")), expected);
    }

    #[test]
    fn the_failure_of_a_batch_is_a_reason_for_each_of_its_messages() {
        let line = json!({"level": "ERROR", "message": "batch failed", "message_ids": "k m"});
        let reasons = reasons(&[(1, line)]);
        assert_eq!(reasons.of(&job()), "batch failed");
        assert_eq!(reasons.of(&letter("k", "{")), "batch failed");
    }

    #[test]
    fn a_reason_that_the_message_carries_goes_before_lines_about_its_order() {
        let of_order = (1, json!({"level": "ERROR", "message": "of the order", "order_id": ORDER}));
        let of_message =
            (2, json!({"level": "ERROR", "message": "of the message", "message_id": "m"}));
        assert_eq!(reasons(std::slice::from_ref(&of_order)).of(&job()), "of the order");
        let refused = with_reason(job(), "refused");
        assert_eq!(reasons(std::slice::from_ref(&of_order)).of(&refused), "refused");
        // The message was redriven, and failed again for another reason.
        assert_eq!(reasons(&[of_order, of_message]).of(&refused), "of the message");
    }

    #[test]
    fn other_lines_are_ignored() {
        let mut reasons = Reasons::default();
        for line in ["ERROR", "{", "[]", r#"{"level":"ERROR"}"#, r#"{"level":1,"message":"m"}"#] {
            reasons.add(line, 1);
        }
        assert!(reasons.by_message.is_empty() && reasons.by_order.is_empty());
    }
}
