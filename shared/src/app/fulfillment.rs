//! A batch of fulfillment jobs: its messages, and what becomes of their orders.

use std::collections::HashMap;

use super::fulfillment_job::FulfillmentJob;
use crate::Error;
use crate::domain::{OrderId, Status};

/// A message of a batch.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The id of the message in the queue.
    pub message_id: String,
    /// The body.
    pub body: String,
}

/// A message that is a job.
pub(super) struct Task {
    pub(super) delivery: Delivery,
    pub(super) job: FulfillmentJob,
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
