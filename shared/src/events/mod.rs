//! Order events, for whoever subscribes to the bus.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::BoxError;
use crate::app::ports::{Event, Message, SendBatch};

/// Who the events are from, by their `source`.
const SOURCE: &str = "waybill";

/// What one try may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);

/// What all tries together may take. What has not left by then stays in the outbox.
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
    /// The most that `PutEvents` takes.
    const LIMIT: usize = 10;

    async fn send_batch(&self, messages: &[Message<Event>]) -> Vec<Result<(), BoxError>> {
        let entries = messages.iter().map(|message| {
            let Event(name) = &message.kind;
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(name)
                .detail(&message.body)
                .build()
        });
        let answer = self.client.put_events().set_entries(Some(entries.collect())).send().await;
        match answer {
            Ok(answer) => {
                let mut entries = answer.entries.unwrap_or_default().into_iter();
                // In the order of the request, one for each entry.
                messages
                    .iter()
                    .map(|_| match entries.next() {
                        Some(entry) if entry.error_code.is_none() => Ok(()),
                        Some(entry) => Err(entry.error_code.unwrap_or_default().into()),
                        None => Err("EventBridge said nothing of this entry".into()),
                    })
                    .collect()
            }
            Err(error) => crate::queue::all_failed(messages, &error),
        }
    }
}
