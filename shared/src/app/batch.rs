//! A batch of fulfillment jobs: its messages, and what becomes of their orders.

use std::collections::HashMap;

use super::fulfillment_job::FulfillmentJob;
use crate::domain::{OrderId, Status};
use crate::{Error, trace};

/// A message of a batch.
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

/// A message that is a job.
pub(super) struct Task {
    pub(super) delivery: Delivery,
    pub(super) job: FulfillmentJob,
    /// The span of the job in the trace of its request.
    pub(super) traced: trace::Span,
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

impl Task {
    pub(super) fn new(delivery: Delivery, job: FulfillmentJob) -> Self {
        let traced = delivery.traced(job.traceparent.as_deref());
        traced.order(&job.order_id);
        traced.correlation(job.correlation_id.as_str());
        Self { delivery, job, traced }
    }
}

/// The outcome for an order of a batch.
pub(super) enum Outcome {
    /// The warehouse was not asked; this is the status before.
    Was(Status),
    /// The warehouse accepted it; this is the status before it was confirmed.
    Accepted(Status),
    /// The warehouse refused it, and the refusal was recorded.
    LaidAside {
        /// Why it was refused.
        reason: String,
    },
    /// The warehouse refused it, but recording the refusal failed.
    Refused {
        /// Why it was refused.
        reason: String,
        /// What failed.
        error: String,
    },
    /// The warehouse may or may not have it.
    Unanswered {
        /// What failed.
        error: String,
    },
}

/// Confirms orders.
pub trait ConfirmOrders: Sync {
    /// Confirms the pending orders of `jobs`, and returns the status that each order had. An order
    /// that does not exist is not in the result.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; none is known to be confirmed then.
    fn confirm(
        &self,
        jobs: &[FulfillmentJob],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;
}
