//! Order events on EventBridge.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use tokio::time::timeout_at;

use crate::app::ports::{Event, Message, SendBatch};
use crate::{BoxError, deadline};

/// The `source` of the events.
const SOURCE: &str = "waybill";

/// The timeout of a try.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);

/// The timeout of all tries. Events that were not sent stay in the outbox.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes order events on an EventBridge bus.
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// Uses the bus `name`.
    #[must_use]
    pub fn new(config: &SdkConfig, name: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(TRY_TIMEOUT)
            .operation_timeout(SEND_TIMEOUT)
            .build();
        let config = aws_sdk_eventbridge::config::Builder::from(config)
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts)
            .build();
        Self { client: Client::from_conf(config), name }
    }
}

impl SendBatch<Event> for EventBus {
    /// The most entries of `PutEvents`.
    const LIMIT: usize = 10;

    /// The most bytes of all entries of `PutEvents`: "less than 1MB", read strictly.
    const MAX_BYTES: usize = 999_999;

    /// As EventBridge counts: source, type and detail in UTF-8. There is no time and no resources,
    /// which would count too.
    fn bytes(message: &Message<Event>) -> usize {
        let Event(name) = &message.kind;
        SOURCE.len() + name.len() + message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<Event>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        let entries = messages.iter().map(|message| {
            let Event(name) = &message.kind;
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(name)
                .detail(&message.body)
                .build()
        });
        // Boxed, since a call is large and many run at once.
        let call = Box::pin(self.client.put_events().set_entries(Some(entries.collect())).send());
        let answer = timeout_at(deadline::current(SEND_TIMEOUT), call).await??;
        // In the order of the request, one for each entry.
        let mut entries = answer.entries.unwrap_or_default().into_iter();
        let result = |_| match entries.next() {
            Some(entry) if entry.error_code.is_none() => Ok(()),
            Some(entry) => Err(entry.error_code.unwrap_or_default().into()),
            None => Err("EventBridge said nothing of this entry".into()),
        };
        Ok(messages.iter().map(result).collect())
    }
}
