use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsOutput;
use aws_sdk_sqs::types::{Message, QueueAttributeName, SendMessageBatchRequestEntry};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Stack, eventually};

/// The fulfillment job of an order, as create-order sends it.
#[must_use]
pub fn job(order: Uuid, correlation_id: &str) -> String {
    json!({
        "v": 1,
        "order_id": order,
        "number": "ORD-20260221-6BA0A415",
        "items": [{ "product_id": Uuid::nil(), "quantity": 1 }],
        "correlation_id": correlation_id,
        "traceparent": null,
        "placed_at": "2026-02-21T12:00:00Z",
    })
    .to_string()
}

/// Whether a line of a log is a trace.
fn is_trace(line: &str) -> bool {
    line.starts_with(r#"{"resourceSpans":"#)
}

impl Stack {
    /// Sends these bodies to the fulfillment queue in one call. Returns the message ids in the same
    /// order.
    pub async fn enqueue(&self, bodies: &[&str]) -> Vec<String> {
        let entries = bodies.iter().enumerate().map(|(number, body)| {
            let entry = SendMessageBatchRequestEntry::builder();
            entry.id(number.to_string()).message_body(*body).build().unwrap()
        });
        let sent = self
            .sqs
            .send_message_batch()
            .queue_url(&self.environment.fulfillment_queue_url)
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .unwrap();
        assert!(sent.failed().is_empty(), "{:?}", sent.failed());
        let of = |number: usize| {
            let mut entries = sent.successful().iter();
            entries.find(|entry| entry.id() == number.to_string()).unwrap().message_id().to_owned()
        };
        (0..bodies.len()).map(of).collect()
    }

    /// The visibility timeout of the fulfillment queue in seconds.
    pub async fn visibility_timeout(&self) -> String {
        let name = QueueAttributeName::VisibilityTimeout;
        let attributes = self
            .sqs
            .get_queue_attributes()
            .queue_url(&self.environment.fulfillment_queue_url)
            .attribute_names(name.clone())
            .send()
            .await
            .unwrap();
        attributes.attributes().unwrap()[&name].clone()
    }

    /// Sets the visibility timeout of the fulfillment queue.
    pub async fn set_visibility_timeout(&self, seconds: &str) {
        self.sqs
            .set_queue_attributes()
            .queue_url(&self.environment.fulfillment_queue_url)
            .attributes(QueueAttributeName::VisibilityTimeout, seconds)
            .send()
            .await
            .unwrap();
    }

    /// Waits for `body` in the dead-letter queue and removes it.
    pub async fn take_dead_letter(&self, body: &str) -> Message {
        let queue = &self.environment.fulfillment_dlq_url;
        eventually(&format!("{body:?} is a dead letter"), async || {
            let received = self
                .sqs
                .receive_message()
                .queue_url(queue)
                .max_number_of_messages(10)
                .visibility_timeout(2)
                .message_attribute_names("All")
                .send()
                .await
                .unwrap();
            let letter =
                received.messages?.into_iter().find(|letter| letter.body() == Some(body))?;
            let receipt = letter.receipt_handle().unwrap();
            self.sqs
                .delete_message()
                .queue_url(queue)
                .receipt_handle(receipt)
                .send()
                .await
                .unwrap();
            Some(letter)
        })
        .await
    }

    /// The lines of a function's log that contain `word`.
    pub async fn log_lines(&self, function: &str, word: &str) -> Vec<String> {
        let group = format!("/aws/lambda/{}-{function}", self.environment.stack_name);
        let pages: Vec<FilterLogEventsOutput> = self
            .logs
            .filter_log_events()
            .log_group_name(group)
            .filter_pattern(format!("\"{word}\""))
            .into_paginator()
            .send()
            .collect::<Result<_, _>>()
            .await
            .unwrap();
        let events = pages.into_iter().flat_map(|page| page.events.unwrap_or_default());
        events.filter_map(|event| event.message).collect()
    }

    /// The lines of a function's log that contain `correlation_id`, without traces, once there are
    /// enough. Each must be JSON.
    pub async fn logged(
        &self,
        function: &str,
        correlation_id: &str,
        at_least: usize,
    ) -> Vec<Value> {
        let what = format!("{function} has logged {at_least} lines with {correlation_id}");
        let lines = eventually(&what, async || {
            let mut lines = self.log_lines(function, correlation_id).await;
            lines.retain(|line| !is_trace(line));
            (lines.len() >= at_least).then_some(lines)
        })
        .await;
        let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        lines.iter().map(parse).collect()
    }
}
