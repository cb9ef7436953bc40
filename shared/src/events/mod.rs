//! Order events on EventBridge.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::app::{Event, Message, SendBatch};
use crate::aws::{Aws, CallError, Client, EVENTBRIDGE, Limits};
use crate::{BoxError, trace};

/// The `source` of the events.
const SOURCE: &str = "waybill";

/// Events that were not sent in this time stay in the outbox.
const LIMITS: Limits =
    Limits { tries: 3, one_try: Duration::from_secs(2), in_all: Duration::from_secs(5) };

/// Publishes order events on an EventBridge bus.
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// Uses the bus `name`. Makes no call yet.
    #[must_use]
    pub fn new(aws: &Aws, name: String) -> Self {
        Self { client: aws.client(EVENTBRIDGE, LIMITS), name }
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
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            entries: Vec<Entry>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Entry {
            error_code: Option<String>,
            event_id: Option<String>,
        }

        let relayed = |message: &Message<Event>| {
            let Event(name) = &message.kind;
            trace::relay_event(&self.name, name, message.traceparent.as_deref())
        };
        let spans: Vec<_> = messages.iter().map(relayed).collect();

        let entries: Vec<_> = messages
            .iter()
            .map(|message| {
                let Event(name) = &message.kind;
                json!({
                    "EventBusName": self.name,
                    "Source": SOURCE,
                    "DetailType": name,
                    "Detail": message.body,
                })
            })
            .collect();
        let input = json!({ "Entries": entries });
        let answer = self.client.call("PutEvents", &input).await;
        let answer: Answer = answer.inspect_err(|error: &CallError| {
            for span in &spans {
                span.fail(error.kind());
            }
        })?;
        // In the order of the request, one for each entry.
        let mut entries = answer.entries.into_iter();
        let result = |span: trace::Span| match entries.next() {
            Some(Entry { error_code: None, event_id }) => {
                span.message_id(&event_id.unwrap_or_default());
                Ok(())
            }
            Some(Entry { error_code: Some(code), .. }) => {
                span.fail(&code);
                Err(code.into())
            }
            None => {
                span.fail("no answer");
                Err("EventBridge did not report this entry".into())
            }
        };
        Ok(spans.into_iter().map(result).collect())
    }
}
