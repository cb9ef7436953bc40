//! The dead-letter queue.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;

use super::send;
use crate::Error;
use crate::app::DeadLetters;

/// The message attribute with the reason.
const REASON: &str = "reason";

/// Sends messages to the dead-letter queue at once, instead of after several deliveries.
#[derive(Clone)]
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
        let reason = MessageAttributeValue::builder().data_type("String").string_value(reason);
        let reason = reason.build().map_err(Error::internal)?;
        let message = self.client.send_message().message_body(body);
        send(&self.url, message.message_attributes(REASON, reason)).await
    }
}
