//! Dead letters: reading all of them without taking any away.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName,
    QueueAttributeName,
};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Context as _, Result};

/// The attribute in which fulfill-order says why it gave a job up.
pub(crate) const REASON: &str = "reason";
/// For how many seconds a letter is hidden from others if it cannot be given back.
const HIDDEN_SECONDS: i32 = 60;
/// How long one receive waits. Any wait makes SQS ask all of its servers, not a sample of them.
const WAIT_SECONDS: i32 = 1;
/// How many messages SQS hands out or takes back at once.
const BATCH_SIZE: usize = 10;
/// How many letters are read at most.
const MOST: usize = 10_000;

/// A message of the dead-letter queue.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// As it was received.
    pub(crate) message: Message,
    /// Whose it is, if it is a fulfilment job.
    pub(crate) job: Option<Job>,
}

/// What a fulfilment job says about its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// Identifies the order.
    pub(crate) order_id: String,
    /// Its name for people.
    pub(crate) number: String,
}

/// The letters that were received, and what there is to know about the others.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    /// Oldest first.
    pub(crate) all: Vec<Letter>,
    /// How many could not be seen, because somebody else has received them just now.
    pub(crate) hidden: u64,
    /// Whether the reading ended before the queue did.
    pub(crate) more: bool,
}

impl Letters {
    /// Receives until nothing new comes. Each letter stays in the queue, and its receive count goes up
    /// by one, which means nothing there: a dead-letter queue gives up on no message.
    ///
    /// # Errors
    /// If the queue cannot be read.
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
                .context(|| format!("The dead-letter queue {queue} cannot be read."))?;
            let batch = received.messages.unwrap_or_default();
            if batch.is_empty() {
                break false;
            }
            let known = found.len();
            for letter in batch.into_iter().map(Letter::from) {
                // One that was seen before is hidden no more; only its last receipt is good.
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

    /// What was not seen, in sentences.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let hidden = (self.hidden > 0).then(|| {
            format!(
                "{} more may be hidden at the moment, because somebody else is looking at them; \
                 look again in a minute.",
                self.hidden
            )
        });
        let more = self.more.then(|| {
            format!("There may be more than these {}; run it again to see.", self.all.len())
        });
        hidden.into_iter().chain(more).collect()
    }
}

impl From<Message> for Letter {
    fn from(message: Message) -> Self {
        Self { job: message.body().and_then(Job::parse), message }
    }
}

impl Letter {
    /// The queue's name for it.
    pub(crate) fn id(&self) -> &str {
        self.message.message_id().unwrap_or_default()
    }

    /// What it is handled by.
    pub(crate) fn receipt(&self) -> &str {
        self.message.receipt_handle().unwrap_or_default()
    }

    /// What to call it in a sentence.
    pub(crate) fn name(&self) -> String {
        match &self.job {
            Some(job) => format!("{} (message {})", job.number, self.id()),
            None => format!("message {}", self.id()),
        }
    }

    /// When it was sent to the queue that it was first in, in milliseconds since 1970.
    pub(crate) fn sent_at_ms(&self) -> Option<i64> {
        self.system_attribute(&MessageSystemAttributeName::SentTimestamp)?.parse().ok()
    }

    /// How often it was received, listings included.
    pub(crate) fn received(&self) -> Option<u32> {
        self.system_attribute(&MessageSystemAttributeName::ApproximateReceiveCount)?.parse().ok()
    }

    /// The reason that it carries.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.message.message_attributes()?.get(REASON)?.string_value()
    }

    fn system_attribute(&self, name: &MessageSystemAttributeName) -> Option<&str> {
        self.message.attributes()?.get(name).map(String::as_str)
    }
}

impl Job {
    /// Whether `name` is the number or the id of the order.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.number.eq_ignore_ascii_case(name) || self.order_id.eq_ignore_ascii_case(name)
    }

    /// Reads what fulfill-order would read as a job. What does not look as an id or a number does is
    /// not taken, since it could be anything, and is going to be printed.
    fn parse(body: &str) -> Option<Self> {
        let job: Value = serde_json::from_str(body).ok()?;
        let text = |name: &str| job.get(name).and_then(Value::as_str);
        let version = job.get("v").and_then(Value::as_u64);
        let order_id = text("order_id")?.parse::<Uuid>().ok()?.to_string();
        let number = text("number").filter(|number| is_number(number))?.to_owned();
        (version == Some(1)).then_some(Self { order_id, number })
    }
}

/// `ORD-20260221-A9JW0-0Z5SN-T190N`, or of an older order `ORD-20260221-6BA0A415`.
fn is_number(text: &str) -> bool {
    let is = |part: &str, length: usize, allowed: fn(&u8) -> bool| {
        part.len() == length && part.as_bytes().iter().all(allowed)
    };
    match *text.split('-').collect::<Vec<_>>() {
        ["ORD", day, ref rest @ ..] if is(day, 8, u8::is_ascii_digit) => match *rest {
            [tail] => is(tail, 8, u8::is_ascii_hexdigit),
            [_, _, _] => rest.iter().all(|part| is(part, 5, u8::is_ascii_alphanumeric)),
            _ => false,
        },
        _ => false,
    }
}

/// Makes letters visible to others again, at once. One whose receipt is not good any more is visible
/// already, or with somebody else, and no failure.
///
/// # Errors
/// If SQS does not answer.
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
                    "Dead letters cannot be given back to {queue}; they are hidden for \
                     {HIDDEN_SECONDS} s, and none is lost."
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

/// One attribute of a queue, which is called `what` if it cannot be reached.
///
/// # Errors
/// If SQS does not answer, or there is no such queue.
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
                "The {what} {queue} cannot be reached. Is the stack still up? `make up` starts a \
                 local one."
            )
        })?;
    Ok(found.attributes().and_then(|attributes| attributes.get(&name)).cloned())
}

#[cfg(test)]
pub(super) mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;
    use serde_json::json;

    use super::*;

    /// A letter that was sent in 2026 and received six times.
    pub(in crate::dlq) fn letter(id: &str, body: &str) -> Letter {
        let message = Message::builder().message_id(id).receipt_handle("receipt").body(body);
        let message = message
            .attributes(MessageSystemAttributeName::SentTimestamp, "1771675200000")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "6");
        Letter::from(message.build())
    }

    /// A letter that is a job.
    pub(in crate::dlq) fn order_letter(id: &str, order: u128, number: &str) -> Letter {
        letter(id, &body(order, number).to_string())
    }

    /// The same letter with a reason on it.
    pub(in crate::dlq) fn with_reason(mut letter: Letter, reason: &str) -> Letter {
        let value = MessageAttributeValue::builder().data_type("String").string_value(reason);
        let attributes = [(REASON.to_owned(), value.build().unwrap())];
        letter.message.message_attributes = Some(attributes.into());
        letter
    }

    fn body(order: u128, number: &str) -> Value {
        json!({"v": 1, "order_id": Uuid::from_u128(order), "number": number, "items": []})
    }

    #[test]
    fn a_job_names_its_order() {
        let letter = order_letter("m", 7, "ORD-20260221-6BA0A415");
        let job = letter.job.clone().unwrap();
        assert_eq!(job.number, "ORD-20260221-6BA0A415");
        assert_eq!(job.order_id, "00000000-0000-0000-0000-000000000007");
        assert_eq!(letter.name(), "ORD-20260221-6BA0A415 (message m)");
        let letter = order_letter("m", 7, "ORD-20260221-A9JW0-0Z5SN-T190N");
        assert_eq!(letter.name(), "ORD-20260221-A9JW0-0Z5SN-T190N (message m)");
        assert_eq!((letter.sent_at_ms(), letter.received()), (Some(1_771_675_200_000), Some(6)));
    }

    #[test]
    fn of_a_body_that_is_no_job_nothing_is_taken() {
        let good = body(7, "ORD-20260221-6BA0A415");
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            body.to_string()
        };
        for body in [
            String::new(),
            "{".to_owned(),
            "null".to_owned(),
            "[1]".to_owned(),
            with("v", json!(2)),
            with("v", json!("1")),
            with("order_id", json!("ada@example.com")),
            with("number", json!("Ada Lovelace")),
            with("number", json!("ORD-20260221-6BA0A415\u{1b}[2J")),
            with("number", json!("ORD-20260221-6BA0A415-1")),
            with("number", json!(7)),
        ] {
            assert_eq!(letter("m", &body).job, None, "{body}");
        }
        assert!(letter("m", &good.to_string()).job.is_some());
    }

    #[test]
    fn what_was_not_seen_is_said() {
        assert!(Letters::default().remarks().is_empty());
        let some = Letters { hidden: 3, more: true, ..Letters::default() };
        let remarks = some.remarks();
        assert!(remarks[0].starts_with("3 more") && remarks.len() == 2, "{remarks:?}");
    }
}
