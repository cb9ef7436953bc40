//! The jobs of a batch, and what became of their orders.

use std::collections::HashMap;

use super::delivery::Delivery;
use super::fulfillment_job::FulfillmentJob;
use crate::domain::{OrderId, Status};
use crate::{Error, trace};

/// A message that is a job.
pub(super) struct DeliveredJob {
    pub(super) delivery: Delivery,
    pub(super) job: FulfillmentJob,
    /// The span of the job in the trace of its request.
    pub(super) traced: trace::Span,
}

impl DeliveredJob {
    pub(super) fn new(delivery: Delivery, job: FulfillmentJob) -> Self {
        let traced = delivery.traced(job.traceparent.as_deref());
        traced.order(&job.order_id);
        traced.correlation(job.correlation_id.as_str());
        Self { delivery, job, traced }
    }
}

/// What became of an order of a batch.
pub(super) enum Fulfillment {
    /// It was pending, and is confirmed.
    Confirmed,
    /// An earlier delivery or staff confirmed it.
    AlreadyConfirmed,
    /// It was canceled before.
    Cancelled,
    /// It was canceled while the warehouse accepted it.
    CancelledWhileOffered,
    /// The warehouse refused it, and the refusal was recorded.
    Refused {
        /// Why it was refused.
        reason: String,
    },
    /// The warehouse refused it, but recording the refusal failed.
    RefusalNotRecorded {
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

impl Fulfillment {
    /// Its name in traces.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::AlreadyConfirmed => "already_confirmed",
            Self::Cancelled | Self::CancelledWhileOffered => "cancelled",
            Self::Refused { .. } => "refused",
            Self::RefusalNotRecorded { .. } => "refusal_not_recorded",
            Self::Unanswered { .. } => "no_answer",
        }
    }

    /// Whether the order is not fulfilled, and was not canceled either.
    pub(super) fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::RefusalNotRecorded { .. } | Self::Unanswered { .. }
        )
    }

    /// The result of [`ConfirmOrders::confirm`] for an order that had this status.
    pub(super) fn after_confirming(before: Status) -> Self {
        match before {
            Status::Pending => Self::Confirmed,
            Status::Confirmed | Status::Shipped | Status::Delivered => Self::AlreadyConfirmed,
            Status::Cancelled => Self::Cancelled,
        }
    }
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
