//! The event source mappings of `make watch`: moves messages from a queue to the function that
//! consumes it, as Lambda does. Of an emulator it needs SQS only.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
};
use serde_json::{Map, Value, json};
use waybill_ops::aws::Aws;
use waybill_ops::error::{Context as _, Result};
use waybill_ops::ui;

use crate::lambda;
use crate::resources::Queue;

/// The batch size in the template.
const BATCH_SIZE: i32 = 10;
/// How long a receive waits for messages. 20 s is the limit of SQS.
const WAIT_SECONDS: i32 = 20;

/// Moves messages until it is dropped. Failed ones stay in the queue, and SQS delivers them again
/// or moves them to the dead-letter queue.
pub(crate) async fn run(aws: &Aws, queue: &Queue, invoke_at: &str, function: &str) {
    let client = Client::new(&aws.service("SQS").await);
    loop {
        if let Err(error) = turn(&client, aws, queue, invoke_at, function).await {
            ui::failure(&error);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Receives a batch, invokes the function, and deletes the messages that succeeded.
async fn turn(
    client: &Client,
    aws: &Aws,
    queue: &Queue,
    invoke_at: &str,
    function: &str,
) -> Result<()> {
    let received = client
        .receive_message()
        .queue_url(&queue.url)
        .max_number_of_messages(BATCH_SIZE)
        .wait_time_seconds(WAIT_SECONDS)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All")
        .send()
        .await
        .context(|| format!("Failed to read the queue of {function}."))?;
    let messages = received.messages();
    if messages.is_empty() {
        return Ok(());
    }
    let event = event(messages, &queue.arn, &aws.region);
    let answer = lambda::invoke(invoke_at, function, &event).await?;
    let sent: BTreeSet<&str> = messages.iter().filter_map(Message::message_id).collect();
    let failed = failures(&answer, &sent);
    ui::step(format!("{function}: {} messages, {} failed", messages.len(), failed.len()));
    let done: Vec<_> = messages
        .iter()
        .filter(|message| message.message_id().is_some_and(|id| !failed.contains(id)))
        .filter_map(|message| {
            DeleteMessageBatchRequestEntry::builder()
                .set_id(message.message_id.clone())
                .set_receipt_handle(message.receipt_handle.clone())
                .build()
                .ok()
        })
        .collect();
    if !done.is_empty() {
        client
            .delete_message_batch()
            .queue_url(&queue.url)
            .set_entries(Some(done))
            .send()
            .await
            .context(|| {
                format!("Failed to delete handled messages from the queue of {function}.")
            })?;
    }
    Ok(())
}

/// The ids of the messages that failed, by the rules for `ReportBatchItemFailures`: an empty report means
/// that all succeeded, an invalid one that all failed.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
fn failures<'a>(answer: &'a Value, sent: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let reported = match answer {
        Value::Null => return BTreeSet::new(),
        Value::Object(answer) => match answer.get("batchItemFailures") {
            None | Some(Value::Null) => return BTreeSet::new(),
            Some(Value::Array(reported)) => reported,
            Some(_) => return sent.clone(),
        },
        _ => return sent.clone(),
    };
    let ids = reported.iter().map(|item| item.get("itemIdentifier").and_then(Value::as_str));
    let known: Option<BTreeSet<&str>> = ids.map(|id| id.filter(|id| sent.contains(id))).collect();
    known.unwrap_or_else(|| sent.clone())
}

/// The event in Lambda's format.
fn event(messages: &[Message], queue_arn: &str, region: &str) -> Value {
    let record = |message: &Message| {
        let attributes: Map<String, Value> = message
            .attributes()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
            .collect();
        let message_attributes: Map<String, Value> = message
            .message_attributes()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), message_attribute(value)))
            .collect();
        json!({
            "messageId": message.message_id(),
            "receiptHandle": message.receipt_handle(),
            "body": message.body(),
            "attributes": attributes,
            "messageAttributes": message_attributes,
            "md5OfBody": message.md5_of_body(),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region,
        })
    };
    json!({"Records": messages.iter().map(record).collect::<Vec<_>>()})
}

/// An attribute in Lambda's format, without binary values, which Waybill does not send.
fn message_attribute(value: &MessageAttributeValue) -> Value {
    json!({
        "stringValue": value.string_value(),
        "dataType": value.data_type(),
        "stringListValues": [],
        "binaryListValues": [],
    })
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::sqs::SqsEvent;

    use super::*;

    fn sent() -> BTreeSet<&'static str> {
        ["a", "b", "c"].into()
    }

    #[test]
    fn an_empty_report_means_that_all_succeeded() {
        for answer in [json!(null), json!({}), json!({"batchItemFailures": []})] {
            assert!(failures(&answer, &sent()).is_empty(), "{answer}");
        }
        assert!(failures(&json!({"batchItemFailures": null}), &sent()).is_empty());
    }

    #[test]
    fn reported_messages_fail_and_the_others_succeed() {
        let answer = json!({"batchItemFailures": [{"itemIdentifier": "b"}]});
        assert_eq!(failures(&answer, &sent()), ["b"].into());
    }

    #[test]
    fn an_invalid_report_fails_the_whole_batch() {
        for answer in [
            json!({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "z"}]}),
            json!({"batchItemFailures": [{"itemIdentifier": ""}]}),
            json!({"batchItemFailures": [{"itemIdentifier": null}]}),
            json!({"batchItemFailures": [{"itemId": "a"}]}),
            json!({"batchItemFailures": "a"}),
            json!("done"),
        ] {
            assert_eq!(failures(&answer, &sent()), sent(), "{answer}");
        }
    }

    #[test]
    fn a_function_can_read_the_event() {
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("00-1-2-01")
            .build()
            .unwrap();
        let message = Message::builder()
            .message_id("a")
            .receipt_handle("handle")
            .body(r#"{"v":1}"#)
            .md5_of_body("5d41402abc4b2a76b9719d911017c592")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2")
            .message_attributes("traceparent", attribute)
            .build();
        let event = event(&[message], "arn:aws:sqs:eu-west-1:000000000000:q", "eu-west-1");
        let read: SqsEvent = serde_json::from_value(event).unwrap();
        let record = &read.records[0];
        assert_eq!(record.message_id.as_deref(), Some("a"));
        assert_eq!(record.body.as_deref(), Some(r#"{"v":1}"#));
        assert_eq!(record.attributes["ApproximateReceiveCount"], "2");
        assert_eq!(
            record.event_source_arn.as_deref(),
            Some("arn:aws:sqs:eu-west-1:000000000000:q")
        );
        let trace = &record.message_attributes["traceparent"];
        assert_eq!(trace.string_value.as_deref(), Some("00-1-2-01"));
    }
}
