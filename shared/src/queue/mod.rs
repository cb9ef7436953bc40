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

use crate::app::FulfillmentJob;
use crate::app::ports::{Job, Message, SendBatch, SendJobs};
use crate::{BoxError, Error};

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
            tracing::warn!(error, "the fulfilment queue does not answer yet");
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
    /// The most that `SendMessageBatch` takes.
    const LIMIT: usize = 10;

    async fn send_batch(&self, messages: &[Message<Job>]) -> Vec<Result<(), BoxError>> {
        let entries: Result<Vec<_>, _> = messages
            .iter()
            .map(|message| {
                SendMessageBatchRequestEntry::builder()
                    .id(message.id.simple().to_string())
                    .message_body(&message.body)
                    .build()
            })
            .collect();
        let sent = match entries {
            Ok(entries) => {
                let call = self.client.send_message_batch().queue_url(&self.url);
                call.set_entries(Some(entries)).send().await
            }
            Err(error) => return all_failed(messages, &error),
        };
        match sent {
            Ok(answer) => messages
                .iter()
                .map(|message| {
                    let id = message.id.simple().to_string();
                    if answer.successful.iter().any(|entry| entry.id == id) {
                        return Ok(());
                    }
                    let failed = answer.failed.iter().find(|entry| entry.id == id);
                    Err(failed
                        .map_or_else(|| "no answer".to_owned(), |entry| entry.code.clone())
                        .into())
                })
                .collect(),
            Err(error) => all_failed(messages, &error),
        }
    }
}

/// The same error for every message of a call that failed as a whole.
pub(crate) fn all_failed<K>(
    messages: &[Message<K>],
    error: &(dyn std::error::Error + 'static),
) -> Vec<Result<(), BoxError>> {
    let error = crate::error::chain(error);
    messages.iter().map(|_| Err(error.clone().into())).collect()
}

impl SendJobs for FulfillmentQueue {
    async fn send(&self, job: &FulfillmentJob) -> Result<(), Error> {
        let body = job.to_body().map_err(|error| Error::Internal(error.into()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await
            .map_err(|error| Error::Unavailable { dependency: "SQS", source: error.into() })?;
        Ok(())
    }
}
