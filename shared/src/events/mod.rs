//! Order events on EventBridge.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::config::Builder;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_eventbridge::{Client, Config};

use crate::app::{Event, Message, SendBatch};
use crate::aws::Limits;
use crate::{BoxError, trace};

/// The `source` of the events.
const SOURCE: &str = "waybill";

/// Events that were not sent in this time stay in the outbox.
const LIMITS: Limits =
    Limits { tries: 3, one_try: Duration::from_secs(2), in_all: Duration::from_secs(5) };

/// The settings of the client that publishes events.
#[must_use]
pub fn settings(aws: &SdkConfig) -> Config {
    Builder::from(aws).retry_config(LIMITS.retries()).timeout_config(LIMITS.timeouts()).build()
}

/// Publishes order events on an EventBridge bus.
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// Uses the bus `name`. Makes no call yet.
    #[must_use]
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
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
        let relayed = |message: &Message<Event>| {
            let Event(name) = &message.kind;
            trace::relay_event(&self.name, name, message.traceparent.as_deref())
        };
        let spans: Vec<_> = messages.iter().map(relayed).collect();

        let entries = messages.iter().map(|message| {
            let Event(name) = &message.kind;
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(name)
                .detail(&message.body)
                .build()
        });
        let call = self.client.put_events().set_entries(Some(entries.collect()));
        let answer = LIMITS.in_time(call.send()).await.inspect_err(|error| {
            for span in &spans {
                span.fail(error.kind());
            }
        })?;
        // In the order of the request, one for each entry.
        let mut entries = answer.entries().iter();
        let result = |span: trace::Span| {
            let Some(entry) = entries.next() else {
                span.fail("no answer");
                return Err("EventBridge did not report this entry".into());
            };
            match entry.error_code() {
                None => {
                    span.message_id(entry.event_id().unwrap_or_default());
                    Ok(())
                }
                Some(code) => {
                    span.fail(code);
                    Err(code.into())
                }
            }
        };
        Ok(spans.into_iter().map(result).collect())
    }
}
