//! The warehouse that packs orders, and the queue for the jobs that it refuses.

use super::fulfillment_job::FulfillmentJob;
use crate::{BoxError, Error};

/// The warehouse that packs orders.
pub trait Warehouse: Sync {
    /// Whether there is a warehouse. If not, every order counts as accepted.
    fn is_there(&self) -> bool;

    /// Offers an order, with a bounded number of tries. Offering an order again has no further
    /// effect.
    fn offer(&self, job: &FulfillmentJob) -> impl Future<Output = Offer> + Send;
}

/// The answer of the warehouse to an offer.
#[derive(Debug)]
pub enum Offer {
    /// It accepted the order.
    Accepted,
    /// It refused the order for good. The reason has no personal data.
    Refused(String),
    /// Unknown: there was no answer, or a temporary or unexpected one.
    Unanswered(BoxError),
}

/// Sends jobs to the dead-letter queue.
pub trait DeadLetters: Sync {
    /// Sends the body of a message, with the reason.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn lay_aside(&self, body: &str, reason: &str)
    -> impl Future<Output = Result<(), Error>> + Send;
}

/// No warehouse: every order is accepted.
#[derive(Clone, Copy, Debug)]
pub struct NoWarehouse;

impl Warehouse for NoWarehouse {
    fn is_there(&self) -> bool {
        false
    }

    async fn offer(&self, _: &FulfillmentJob) -> Offer {
        Offer::Accepted
    }
}

impl DeadLetters for NoWarehouse {
    /// Never called: nothing is refused.
    async fn lay_aside(&self, _: &str, _: &str) -> Result<(), Error> {
        Ok(())
    }
}
