//! Messages that wait for a person.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;

use crate::Error;
use crate::app::ports::DeadLetters;

/// The message attribute that says why.
const REASON: &str = "reason";

/// Sends to a dead-letter queue what SQS would only move there after several deliveries.
#[derive(Clone, Debug)]
pub struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    pub(super) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }
}

impl DeadLetters for DeadLetterQueue {
    async fn lay_aside(&self, body: &str, reason: &str) -> Result<(), Error> {
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|error| Error::Internal(error.into()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_attributes(REASON, reason)
            .send()
            .await
            .map_err(|error| Error::Unavailable { dependency: "SQS", source: error.into() })?;
        Ok(())
    }
}
