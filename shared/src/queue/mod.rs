//! The fulfillment queue and its dead-letter queue.

mod after_answer;
#[cfg(feature = "warehouse")]
mod dead_letters;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use aws_sdk_sqs::{Client, Config};

use crate::app::{FulfillmentJob, MeasureQueue, Message, OutboxJob, SendBatch, SendJobs};
use crate::aws::Limits;
use crate::{BoxError, Error, trace};

pub use after_answer::SendAfterAnswer;
#[cfg(feature = "warehouse")]
pub use dead_letters::DeadLetterQueue;

/// The limits of a send: three tries, and less time than a client of create-order waits.
const LIMITS: Limits =
    Limits { tries: 3, one_try: Duration::from_secs(1), in_all: Duration::from_secs(3) };

/// The settings of the client that sends jobs.
#[must_use]
pub fn settings(aws: &SdkConfig) -> Config {
    Builder::from(aws).retry_config(LIMITS.retries()).timeout_config(LIMITS.timeouts()).build()
}

/// Sends fulfillment jobs through SQS.
pub struct FulfillmentQueue {
    client: Client,
    url: String,
}

/// Sends one message, with its span.
async fn send(url: &str, message: SendMessageFluentBuilder) -> Result<(), Error> {
    let span = trace::send(name(url));
    match LIMITS.in_time(message.queue_url(url).send()).await {
        Ok(sent) => {
            span.message_id(sent.message_id().unwrap_or_default());
            Ok(())
        }
        Err(error) => {
            span.fail(error.kind());
            Err(Error::unavailable("SQS", error))
        }
    }
}

/// The name of the queue at `url`.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

impl FulfillmentQueue {
    /// Uses the queue at `url`. Makes no call yet.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
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
        self.attribute(QueueAttributeName::QueueArn).await.map(drop)
    }

    async fn attribute(&self, name: QueueAttributeName) -> Result<String, BoxError> {
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = LIMITS.in_time(call.attribute_names(name.clone()).send()).await?;
        let value = answer.attributes.and_then(|mut attributes| attributes.remove(&name));
        Ok(value.ok_or_else(|| format!("SQS does not say the {name}"))?)
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
        let relayed = |message: &Message<OutboxJob>| {
            trace::relay_job(name(&self.url), message.traceparent.as_deref())
        };
        let spans: Vec<_> = messages.iter().map(relayed).collect();

        let entries = messages.iter().map(|message| {
            SendMessageBatchRequestEntry::builder()
                .id(message.id.simple().to_string())
                .message_body(&message.body)
                .build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let call = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = LIMITS.in_time(call.send()).await.inspect_err(|error| {
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
        Ok(self.attribute(QueueAttributeName::ApproximateNumberOfMessages).await?.parse()?)
    }
}

impl SendJobs for FulfillmentQueue {
    async fn send(&self, job: &FulfillmentJob) -> Result<(), Error> {
        let body = job.to_body().map_err(Error::internal)?;
        send(&self.url, self.client.send_message().message_body(body)).await
    }
}
