//! Queues, read without receiving: a receive would hide messages from the functions, and count.

use aws_sdk_sqs::types::QueueAttributeName as Name;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use serde_json::Value;
use url::Url;
use waybill_ops::dlq::{Letter, Place};
use waybill_ops::error::{Context as _, Error, Result};

use super::Sources;

/// The most messages for which the oldest is searched.
const MOST_FOR_AGE: u64 = 500;

/// How long a queue is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Depth {
    /// Messages that wait.
    pub(crate) waiting: u64,
    /// Messages that were received and not deleted yet.
    pub(crate) in_flight: u64,
    /// The age of the oldest in seconds; none if there is none, or too many to look.
    pub(crate) oldest_s: Option<f64>,
}

/// How long a queue and its dead-letter queue are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Depths {
    /// The queue.
    pub(crate) front: Depth,
    /// The dead letters.
    pub(crate) dead: Depth,
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The message, with the job in it.
    pub(crate) letter: Letter,
    /// Until when it is hidden, in milliseconds since 1970; none if it waits.
    pub(crate) hidden_until_ms: Option<i64>,
}

impl Sources {
    /// How long a queue and its dead-letter queue are.
    ///
    /// # Errors
    /// If SQS fails.
    pub(crate) async fn depths(&self, place: &Place, now_ms: i64) -> Result<Depths> {
        let (queue, dead) = (&place.queue_url, &place.dlq_url);
        let (front, dead) = tokio::join!(self.depth(queue, now_ms), self.depth(dead, now_ms));
        Ok(Depths { front: front?, dead: dead? })
    }

    /// How long a queue is, and how old its oldest message.
    ///
    /// # Errors
    /// If SQS fails.
    async fn depth(&self, queue: &str, now_ms: i64) -> Result<Depth> {
        let names =
            [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesNotVisible];
        let found = self
            .sqs()
            .get_queue_attributes()
            .queue_url(queue)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .context(|| "SQS does not answer.")?;
        let number = |name: &Name| {
            let text = found.attributes().and_then(|attributes| attributes.get(name));
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        let [waiting, in_flight] = [number(&names[0]), number(&names[1])];
        let mut depth = Depth { waiting, in_flight, oldest_s: None };
        if (1..=MOST_FOR_AGE).contains(&(waiting + in_flight)) {
            let sent = self.peek(queue).await.unwrap_or_default();
            let oldest = sent.iter().filter_map(|it| it.letter.sent_at_ms()).min();
            #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds is small")]
            let age = |sent: i64| (now_ms - sent).max(0) as f64 / 1_000.0;
            depth.oldest_s = oldest.map(age);
        }
        Ok(depth)
    }

    /// All messages of a queue, oldest first, by an address of MiniStack for this. It changes neither
    /// their visibility nor their receive counts.
    ///
    /// # Errors
    /// If the emulator has no such address, which only MiniStack has.
    pub(crate) async fn peek(&self, queue: &str) -> Result<Vec<Seen>> {
        let failed = || {
            "Messages can't be shown: only MiniStack shows them without receiving them.".to_owned()
        };
        let url = format!("{}/_ministack/sqs/messages", self.aws.endpoint);
        let url = Url::parse_with_params(&url, [("QueueUrl", queue)]).context(failed)?;
        let answer = self.http.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let answer: Value = answer.context(failed)?.json().await.context(failed)?;
        messages(&answer, queue).ok_or_else(|| Error::new(failed()))
    }
}

/// Reads `{"messages": {account: {region: {queue: […]}}}}`.
fn messages(answer: &Value, queue: &str) -> Option<Vec<Seen>> {
    let accounts = answer.get("messages")?.as_object()?;
    let regions = accounts.values().filter_map(Value::as_object).flat_map(|it| it.values());
    let queues = regions.filter_map(|region| region.get(queue)?.as_array());
    let mut all: Vec<Seen> = queues.flatten().map(seen).collect();
    all.sort_by_key(|it| it.letter.sent_at_ms());
    Some(all)
}

fn seen(message: &Value) -> Seen {
    let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| message.get(name).and_then(Value::as_i64).unwrap_or_default();
    // Milliseconds, or seconds.
    let sent = number("SentTimestamp");
    let sent = if sent < 100_000_000_000 { sent * 1_000 } else { sent };
    let attributes = message.get("MessageAttributes").and_then(Value::as_object);
    let attributes = attributes.into_iter().flatten().filter_map(|(name, value)| {
        let value = value.get("StringValue")?.as_str()?;
        let value = MessageAttributeValue::builder().data_type("String").string_value(value);
        Some((name.clone(), value.build().ok()?))
    });
    let received = number("ReceiveCount").to_string();
    let built = Message::builder()
        .message_id(text("MessageId"))
        .body(text("Body"))
        .set_message_attributes(Some(attributes.collect()))
        .attributes(MessageSystemAttributeName::SentTimestamp, sent.to_string())
        .attributes(MessageSystemAttributeName::ApproximateReceiveCount, received)
        .build();
    let waits = message.get("IsVisible").and_then(Value::as_bool).unwrap_or(true);
    Seen {
        letter: Letter::from(built),
        hidden_until_ms: (!waits).then(|| number("VisibleAt").saturating_mul(1_000)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_messages_of_one_queue_are_read_oldest_first() {
        let job = json!({"v": 1, "order_id": uuid::Uuid::nil(), "number": "ORD-20260221-6BA0A415"});
        let message = |id: &str, sent: i64, visible: bool| {
            json!({"MessageId": id, "Body": job.to_string(), "SentTimestamp": sent,
                "VisibleAt": sent + 180, "IsVisible": visible, "ReceiveCount": 2,
                "MessageAttributes": {"reason": {"DataType": "String", "StringValue": "refused"}}})
        };
        let (first, second) =
            (message("a", 1_771_675_200, false), message("b", 1_771_675_201, true));
        let answer = json!({"messages": {"000000000000": {"us-east-1": {
            "http://q": [second, first], "http://other": [{}]}}}});
        let read = messages(&answer, "http://q").unwrap();
        let ids: Vec<_> = read.iter().map(|it| it.letter.id()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(read[0].hidden_until_ms, Some(1_771_675_380_000));
        assert_eq!(read[1].hidden_until_ms, None);
        let letter = &read[0].letter;
        assert_eq!((letter.received(), letter.reason()), (Some(2), Some("refused".to_owned())));
        assert_eq!(letter.sent_at_ms(), Some(1_771_675_200_000));
        assert_eq!(letter.content.as_ref().unwrap().number, "ORD-20260221-6BA0A415");
    }

    #[test]
    fn another_answer_is_not_an_empty_queue() {
        assert!(messages(&json!({"error": "no"}), "http://q").is_none());
        assert!(messages(&json!({"messages": {}}), "http://q").unwrap().is_empty());
    }
}
