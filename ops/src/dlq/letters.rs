//! Reads all dead letters and leaves them in the queue.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName, QueueAttributeName,
};
use serde_json::Value;

use super::content::Content;
use crate::error::{Context as _, Result};

/// The message attribute with the reason why fulfill-order gave up a job.
const REASON: &str = "reason";
/// The message attributes of an event that `EventBridge` could not send to the queue.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>
const UNDELIVERED: [&str; 6] = [
    "ERROR_CODE",
    "ERROR_MESSAGE",
    "EXHAUSTED_RETRY_CONDITION",
    "RETRY_ATTEMPTS",
    "RULE_ARN",
    "TARGET_ARN",
];
/// How many seconds a received letter stays hidden if it is not given back.
const HIDDEN_SECONDS: i32 = 60;
/// How long a receive waits. With a wait SQS asks all of its servers, without one a sample.
const WAIT_SECONDS: i32 = 1;
/// The batch size of SQS.
const BATCH_SIZE: usize = 10;
/// The most letters that are read.
const MOST: usize = 10_000;

/// A message of the dead-letter queue.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The message as received.
    pub(crate) message: Message,
    /// What it says, if it is a job or an event.
    pub content: Option<Content>,
}

/// The letters that were received, and a count of others.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    /// Oldest first.
    pub(crate) all: Vec<Letter>,
    /// How many are hidden, because somebody else has just received them.
    pub(crate) hidden: u64,
    /// Whether there may be more in the queue.
    pub(crate) more: bool,
}

impl Letters {
    /// Receives until nothing new comes. Letters stay in the queue. Their receive count increases,
    /// which has no effect in a dead-letter queue.
    ///
    /// # Errors
    /// If the queue can't be read.
    pub(crate) async fn receive(client: &Client, queue: &str) -> Result<Self> {
        let hidden = hidden(client, queue).await?;
        let mut found = BTreeMap::new();
        let more = loop {
            if found.len() >= MOST {
                break true;
            }
            let received = client
                .receive_message()
                .queue_url(queue)
                .set_max_number_of_messages(i32::try_from(BATCH_SIZE).ok())
                .visibility_timeout(HIDDEN_SECONDS)
                .wait_time_seconds(WAIT_SECONDS)
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .message_attribute_names("All")
                .send()
                .await
                .context(|| format!("Failed to read the dead-letter queue {queue}."))?;
            let batch = received.messages.unwrap_or_default();
            if batch.is_empty() {
                break false;
            }
            let known = found.len();
            for letter in batch.into_iter().map(Letter::from) {
                // A letter may come twice. Only the last receipt handle is valid.
                found.insert(letter.id().to_owned(), letter);
            }
            if found.len() == known {
                break true;
            }
        };
        let mut all: Vec<Letter> = found.into_values().collect();
        all.sort_by_key(Letter::sent_at_ms);
        Ok(Self { all, hidden, more })
    }

    /// Sentences about what was not received.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let hidden = (self.hidden > 0).then(|| {
            format!(
                "{} more may be hidden, because somebody else has just received them. Try again in a \
                 minute.",
                self.hidden
            )
        });
        let more = self.more.then(|| {
            format!("There may be more than these {}. Run it again to see.", self.all.len())
        });
        hidden.into_iter().chain(more).collect()
    }
}

impl From<Message> for Letter {
    fn from(message: Message) -> Self {
        Self { content: message.body().and_then(Content::parse), message }
    }
}

impl Letter {
    /// The message id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.message.message_id().unwrap_or_default()
    }

    /// The receipt handle.
    pub(crate) fn receipt(&self) -> &str {
        self.message.receipt_handle().unwrap_or_default()
    }

    /// A name for messages to people.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.content {
            Some(Content { number, event: Some(event), .. }) => {
                format!("{event} of {number} (message {})", self.id())
            }
            Some(content) => format!("{} (message {})", content.number, self.id()),
            None => format!("message {}", self.id()),
        }
    }

    /// When it was first sent to a queue, in milliseconds since 1970.
    #[must_use]
    pub fn sent_at_ms(&self) -> Option<i64> {
        self.system_attribute(&MessageSystemAttributeName::SentTimestamp)?.parse().ok()
    }

    /// How often it was received, including by `make dlq`.
    #[must_use]
    pub fn received(&self) -> Option<u32> {
        self.system_attribute(&MessageSystemAttributeName::ApproximateReceiveCount)?.parse().ok()
    }

    /// The reason in its attributes.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let attributes = self.message.message_attributes()?;
        let text = |name: &str| attributes.get(name)?.string_value();
        let undelivered = || {
            let (code, message) = (text("ERROR_CODE")?, text("ERROR_MESSAGE").unwrap_or_default());
            let why = format!("EventBridge could not send it to the queue: {code} {message}");
            Some(why.trim_end().to_owned())
        };
        text(REASON).map(str::to_owned).or_else(undelivered)
    }

    /// Its attributes without the reason: it may fail for another one next time.
    pub(crate) fn lasting_attributes(&self) -> HashMap<String, MessageAttributeValue> {
        let mut attributes = self.message.message_attributes().cloned().unwrap_or_default();
        attributes.retain(|name, _| name != REASON && !UNDELIVERED.contains(&name.as_str()));
        attributes
    }

    /// Its body for people: indented if it is JSON, and without control characters, which could move
    /// the cursor of a terminal.
    #[must_use]
    pub fn readable_body(&self) -> String {
        let body = self.message.body().unwrap_or_default();
        let value: Option<Value> = serde_json::from_str(body).ok();
        let text = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
        let text = text.as_deref().unwrap_or(body);
        text.chars().map(|it| if it.is_control() && it != '\n' { ' ' } else { it }).collect()
    }

    fn system_attribute(&self, name: &MessageSystemAttributeName) -> Option<&str> {
        self.message.attributes()?.get(name).map(String::as_str)
    }
}

/// Makes letters visible to others again. A letter with an expired receipt handle is ignored: it is
/// visible, or somebody else has it.
///
/// # Errors
/// If SQS fails.
pub(crate) async fn give_back(client: &Client, queue: &str, letters: &[Letter]) -> Result<()> {
    for batch in letters.chunks(BATCH_SIZE) {
        let entries = batch.iter().enumerate().filter_map(|(number, letter)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(letter.receipt())
                .visibility_timeout(0)
                .build()
                .ok()
        });
        client
            .change_message_visibility_batch()
            .queue_url(queue)
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .context(|| {
                format!(
                    "Failed to give dead letters back to {queue}. They are hidden for \
                     {HIDDEN_SECONDS} s; none is lost."
                )
            })?;
    }
    Ok(())
}

async fn hidden(client: &Client, queue: &str) -> Result<u64> {
    let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    let count = attribute(client, "dead-letter queue", queue, name).await?;
    Ok(count.and_then(|count| count.parse().ok()).unwrap_or_default())
}

/// An attribute of a queue. Errors call the queue `what`.
///
/// # Errors
/// If SQS fails, or the queue does not exist.
pub(super) async fn attribute(
    client: &Client,
    what: &str,
    queue: &str,
    name: QueueAttributeName,
) -> Result<Option<String>> {
    let found = client
        .get_queue_attributes()
        .queue_url(queue)
        .attribute_names(name.clone())
        .send()
        .await
        .context(|| {
            format!(
                "Failed to reach the {what} {queue}. Is the stack running? `make up` starts a local \
                 one."
            )
        })?;
    Ok(found.attributes().and_then(|attributes| attributes.get(&name)).cloned())
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    /// A letter, sent in 2026 and received six times.
    pub(in crate::dlq) fn letter(id: &str, body: &str) -> Letter {
        let message = Message::builder().message_id(id).receipt_handle("receipt").body(body);
        let message = message
            .attributes(MessageSystemAttributeName::SentTimestamp, "1771675200000")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "6");
        Letter::from(message.build())
    }

    /// A letter with a job.
    pub(in crate::dlq) fn order_letter(id: &str, order: u128, number: &str) -> Letter {
        letter(id, &body(order, number).to_string())
    }

    /// The same letter with a reason.
    pub(in crate::dlq) fn with_reason(letter: Letter, reason: &str) -> Letter {
        with_attributes(letter, &[(REASON, reason)])
    }

    fn with_attributes(mut letter: Letter, attributes: &[(&str, &str)]) -> Letter {
        let attributes = attributes.iter().map(|(name, value)| {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*value);
            ((*name).to_owned(), value.build().unwrap())
        });
        letter.message.message_attributes = Some(attributes.collect());
        letter
    }

    /// A letter with an event.
    pub(in crate::dlq) fn event_letter(id: &str, event: &str, number: &str) -> Letter {
        letter(id, &json!({"detail-type": event, "detail": body(7, number)}).to_string())
    }

    fn body(order: u128, number: &str) -> Value {
        json!({"v": 1, "order_id": Uuid::from_u128(order), "number": number, "items": []})
    }

    #[test]
    fn a_letter_is_named_after_its_order_and_its_message() {
        let letter = order_letter("m", 7, "ORD-20260221-6BA0A415");
        assert_eq!(letter.name(), "ORD-20260221-6BA0A415 (message m)");
        let letter = order_letter("m", 7, "ORD-20260221-A9JW0-0Z5SN-T190N");
        assert_eq!(letter.name(), "ORD-20260221-A9JW0-0Z5SN-T190N (message m)");
        assert_eq!((letter.sent_at_ms(), letter.received()), (Some(1_771_675_200_000), Some(6)));
    }

    #[test]
    fn an_event_names_its_order_too() {
        let number = "ORD-20260221-6BA0A415";
        let shipped = event_letter("m", "OrderShipped", number);
        assert_eq!(shipped.name(), "OrderShipped of ORD-20260221-6BA0A415 (message m)");
        // A name that could move the cursor of a terminal is not printed.
        let odd = event_letter("m", "Order\u{1b}[2J", number);
        assert_eq!(odd.name(), "ORD-20260221-6BA0A415 (message m)");
    }

    #[test]
    fn an_event_that_never_reached_its_queue_says_so_and_is_redriven_without_that() {
        let event = event_letter("m", "OrderShipped", "ORD-20260221-6BA0A415");
        let event = with_attributes(
            event,
            &[("ERROR_CODE", "NO_PERMISSIONS"), ("RETRY_ATTEMPTS", "0"), ("trace", "kept")],
        );
        let reason = event.reason().unwrap();
        assert_eq!(reason, "EventBridge could not send it to the queue: NO_PERMISSIONS");
        assert_eq!(event.lasting_attributes().into_keys().collect::<Vec<_>>(), ["trace"]);
    }

    #[test]
    fn a_body_is_indented_if_it_is_json_and_has_no_control_characters() {
        assert_eq!(letter("m", r#"{"v":1}"#).readable_body(), "{\n  \"v\": 1\n}");
        assert_eq!(letter("m", "a\u{1b}[2J\nb\r").readable_body(), "a [2J\nb ");
    }

    #[test]
    fn remarks_mention_hidden_letters_and_more_letters() {
        assert!(Letters::default().remarks().is_empty());
        let some = Letters { hidden: 3, more: true, ..Letters::default() };
        let remarks = some.remarks();
        assert!(remarks[0].starts_with("3 more") && remarks.len() == 2, "{remarks:?}");
    }
}
