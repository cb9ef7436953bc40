//! What a queue hands to a function.

use crate::trace;

/// A message of a batch: a job or an event.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The id of the message in the queue.
    pub message_id: String,
    /// The body.
    pub body: String,
    /// For traces.
    pub queued: Queued,
}

/// What the queue says about a delivery.
#[derive(Clone, Debug, Default)]
pub struct Queued {
    /// The name of the queue.
    pub queue: String,
    /// How often the message was delivered, this time included.
    pub receive_count: Option<i64>,
    /// When the message was sent, in milliseconds since 1970.
    pub sent_at_ms: Option<i64>,
}

impl Delivery {
    /// A message about which the queue says nothing more.
    #[must_use]
    pub fn new(message_id: impl Into<String>, body: impl Into<String>) -> Self {
        let (message_id, body) = (message_id.into(), body.into());
        Self { message_id, body, queued: Queued::default() }
    }

    /// Starts the span of its handling.
    pub(super) fn traced(&self, traceparent: Option<&str>) -> trace::Span {
        let Queued { ref queue, receive_count, sent_at_ms } = self.queued;
        let message_id = &self.message_id;
        let received =
            trace::Received { queue, message_id, receive_count, sent_at_ms, traceparent };
        trace::process(&received)
    }
}
