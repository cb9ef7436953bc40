//! The fulfilment queue, and the queue of what it could not deliver.

mod after_answer;
#[cfg(feature = "warehouse")]
mod dead_letters;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use tokio::time::error::Elapsed;
use tokio::time::timeout_at;

use crate::app::FulfillmentJob;
use crate::app::ports::{Job, MeasureQueue, Message, SendBatch, SendJobs};
use crate::{BoxError, Error, deadline};

pub use after_answer::SendAfterAnswer;
#[cfg(feature = "warehouse")]
pub use dead_letters::DeadLetterQueue;

/// How often a send is tried in all, with the SDK's backoff between the tries.
const TRIES: u32 = 3;

/// What one try may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(1);

/// What all tries together may take: less than a caller of create-order has patience for.
const SEND_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends fulfilment jobs through SQS.
pub struct FulfillmentQueue {
    client: Client,
    url: String,
}

impl FulfillmentQueue {
    /// Uses the queue at `url`. One call goes out at once, so that the first request finds the
    /// connection open, and a wrong url shows in the log of the start.
    pub async fn connect(config: &SdkConfig, url: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(TRY_TIMEOUT)
            .operation_timeout(SEND_TIMEOUT)
            .build();
        let config = aws_sdk_sqs::config::Builder::from(config)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(timeouts)
            .build();
        let queue = Self { client: Client::from_conf(config), url };
        if let Err(error) = queue.check().await {
            let error = crate::error::chain(&*error);
            tracing::warn!(error, "failed to reach the fulfillment queue; requests will try again");
        }
        queue
    }

    /// The dead-letter queue at `url`, over the same connection. Nothing goes out yet.
    #[cfg(feature = "warehouse")]
    #[must_use]
    pub fn dead_letters(&self, url: String) -> DeadLetterQueue {
        DeadLetterQueue::new(self.client.clone(), url)
    }

    /// Whether the queue is there.
    ///
    /// # Errors
    /// What SQS or the way to it said.
    pub async fn check(&self) -> Result<(), BoxError> {
        self.client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await?;
        Ok(())
    }
}

impl SendBatch<Job> for FulfillmentQueue {
    /// The most entries that `SendMessageBatch` takes.
    const LIMIT: usize = 10;

    /// The most bytes that `SendMessageBatch` takes, of one message and of all together: 1 MiB.
    const MAX_BYTES: usize = 1_048_576;

    /// The body; there are no attributes, which would count as well.
    fn bytes(message: &Message<Job>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<Job>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        let entries = messages.iter().map(|message| {
            SendMessageBatchRequestEntry::builder()
                .id(message.id.simple().to_string())
                .message_body(&message.body)
                .build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let call = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = in_time(call.send()).await??;
        let result = |message: &Message<Job>| {
            let id = message.id.simple().to_string();
            if answer.successful.iter().any(|entry| entry.id == id) {
                return Ok(());
            }
            let failed = answer.failed.iter().find(|entry| entry.id == id);
            Err(failed.map_or_else(|| "no answer".to_owned(), |entry| entry.code.clone()).into())
        };
        Ok(messages.iter().map(result).collect())
    }
}

impl MeasureQueue for FulfillmentQueue {
    async fn waiting(&self) -> Result<u64, BoxError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let call = call.attribute_names(name.clone()).send();
        let answer = in_time(call).await??;
        let attributes = answer.attributes.unwrap_or_default();
        Ok(attributes.get(&name).ok_or("SQS does not say how many messages wait")?.parse()?)
    }
}

impl SendJobs for FulfillmentQueue {
    async fn send(&self, job: &FulfillmentJob) -> Result<(), Error> {
        let body = job.to_body().map_err(|error| Error::Internal(error.into()))?;
        let call = self.client.send_message().queue_url(&self.url).message_body(body).send();
        in_time(call).await.map_err(unavailable)?.map_err(unavailable)?;
        Ok(())
    }
}

/// The answer to `call`, unless the invocation's deadline comes first. In a box, since a call is large
/// and many may wait.
async fn in_time<T>(call: impl Future<Output = T>) -> Result<T, Elapsed> {
    timeout_at(deadline::current(SEND_TIMEOUT), Box::pin(call)).await
}

fn unavailable(source: impl Into<BoxError>) -> Error {
    Error::Unavailable { dependency: "SQS", source: source.into() }
}
