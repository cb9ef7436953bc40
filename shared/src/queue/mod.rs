//! The fulfillment queue and its dead-letter queue.

mod after_answer;
#[cfg(feature = "warehouse")]
mod dead_letters;

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{FulfillmentJob, MeasureQueue, Message, OutboxJob, SendBatch, SendJobs};
use crate::aws::{Aws, CallError, Client, Limits, SQS};
use crate::{BoxError, Error, trace};

pub use after_answer::SendAfterAnswer;
#[cfg(feature = "warehouse")]
pub use dead_letters::DeadLetterQueue;

/// The limits of a send: three tries, and less time than a client of create-order waits.
const LIMITS: Limits =
    Limits { tries: 3, one_try: Duration::from_secs(1), in_all: Duration::from_secs(3) };

/// Sends fulfillment jobs through SQS.
pub struct FulfillmentQueue {
    client: Client,
    url: String,
}

/// The answer to `SendMessage`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    #[serde(default)]
    message_id: String,
}

/// Sends one message, with its span.
async fn send(client: &Client, url: &str, input: &Value) -> Result<(), CallError> {
    let span = trace::send(name(url));
    let sent: Result<Sent, _> = client.call("SendMessage", input).await;
    match &sent {
        Ok(sent) => span.message_id(&sent.message_id),
        Err(error) => span.fail(error.kind()),
    }
    sent.map(drop)
}

/// The name of the queue at `url`.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

impl FulfillmentQueue {
    /// Uses the queue at `url`. Makes no call yet.
    #[must_use]
    pub fn new(aws: &Aws, url: String) -> Self {
        Self { client: aws.client(SQS, LIMITS), url }
    }

    /// The dead-letter queue at `url`, over the same connection. Makes no call yet.
    #[cfg(feature = "warehouse")]
    #[must_use]
    pub fn dead_letters(&self, url: String) -> DeadLetterQueue {
        DeadLetterQueue::new(self.client.clone(), url)
    }

    /// Checks that the queue exists.
    ///
    /// # Errors
    /// The error of SQS or of the connection.
    pub async fn check(&self) -> Result<(), BoxError> {
        self.attribute("QueueArn").await.map(drop)
    }

    async fn attribute(&self, name: &str) -> Result<String, BoxError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            #[serde(default)]
            attributes: HashMap<String, String>,
        }

        let input = json!({ "QueueUrl": self.url, "AttributeNames": [name] });
        let mut answer: Answer = self.client.call("GetQueueAttributes", &input).await?;
        Ok(answer.attributes.remove(name).ok_or_else(|| format!("SQS does not say the {name}"))?)
    }
}

impl SendBatch<OutboxJob> for FulfillmentQueue {
    /// The most entries of `SendMessageBatch`.
    const LIMIT: usize = 10;

    /// The most bytes of one message, and of all messages of `SendMessageBatch`: 1 MiB.
    const MAX_BYTES: usize = 1_048_576;

    /// The body. Attributes would count too; there are none.
    fn bytes(message: &Message<OutboxJob>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<OutboxJob>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            #[serde(default)]
            successful: Vec<Entry>,
            #[serde(default)]
            failed: Vec<Entry>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Entry {
            id: String,
            #[serde(default)]
            code: String,
            #[serde(default)]
            message_id: String,
        }

        let relayed = |message: &Message<OutboxJob>| {
            trace::relay_job(name(&self.url), message.traceparent.as_deref())
        };
        let spans: Vec<_> = messages.iter().map(relayed).collect();

        let entries: Vec<_> = messages
            .iter()
            .map(|message| json!({ "Id": message.id.simple(), "MessageBody": message.body }))
            .collect();
        let input = json!({ "QueueUrl": self.url, "Entries": entries });
        let answer = self.client.call("SendMessageBatch", &input).await;
        let answer: Answer = answer.inspect_err(|error: &CallError| {
            for span in &spans {
                span.fail(error.kind());
            }
        })?;
        let result = |(message, span): (&Message<OutboxJob>, trace::Span)| {
            let id = message.id.simple().to_string();
            if let Some(sent) = answer.successful.iter().find(|entry| entry.id == id) {
                span.message_id(&sent.message_id);
                return Ok(());
            }
            let failed = answer.failed.iter().find(|entry| entry.id == id);
            let code = failed.map_or("no answer", |entry| &entry.code);
            span.fail(code);
            Err(code.to_owned().into())
        };
        Ok(messages.iter().zip(spans).map(result).collect())
    }
}

impl MeasureQueue for FulfillmentQueue {
    async fn waiting(&self) -> Result<u64, BoxError> {
        Ok(self.attribute("ApproximateNumberOfMessages").await?.parse()?)
    }
}

impl SendJobs for FulfillmentQueue {
    async fn send(&self, job: &FulfillmentJob) -> Result<(), Error> {
        let body = job.to_body().map_err(Error::internal)?;
        let input = json!({ "QueueUrl": self.url, "MessageBody": body });
        send(&self.client, &self.url, &input).await.map_err(unavailable)
    }
}

fn unavailable(error: CallError) -> Error {
    Error::unavailable("SQS", error)
}
