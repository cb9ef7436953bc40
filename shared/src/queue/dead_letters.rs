//! The dead-letter queue.

use serde_json::json;

use super::{send, unavailable};
use crate::Error;
use crate::app::DeadLetters;
use crate::aws::Client;

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
        let input = json!({
            "QueueUrl": self.url,
            "MessageBody": body,
            "MessageAttributes": { REASON: { "DataType": "String", "StringValue": reason } },
        });
        send(&self.client, &self.url, &input).await.map_err(unavailable)
    }
}
