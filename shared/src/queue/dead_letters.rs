//! Messages that wait for a person.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;

use super::{in_time, unavailable};
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
        let call = self.client.send_message().queue_url(&self.url).message_body(body);
        let call = call.message_attributes(REASON, reason).send();
        in_time(call).await.map_err(unavailable)?.map_err(unavailable)?;
        Ok(())
    }
}
