//! Offers the orders of a batch to the warehouse before they are confirmed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::batch::{ConfirmOrders, Outcome, Task};
use super::fulfillment_job::FulfillmentJob;
use super::warehouse::{DeadLetters, Offer, Warehouse};
use crate::Error;
use crate::domain::{OrderId, Status};

/// The most concurrent offers: all of a batch, as the template sizes it.
const AT_ONCE: usize = 10;

/// The time for the offers of a batch. The slowest offer takes 17 s, and fulfill-order has 30 s.
pub(crate) const OFFER_TIME: Duration = Duration::from_secs(18);

/// Records refusals of orders.
pub trait RefuseOrders: Sync {
    /// The statuses of those orders of `ids` that exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn statuses(
        &self,
        ids: &[OrderId],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;

    /// Adds the reason to the history of each pending order, unless its last entry has it, and
    /// parks its job. Returns the status of each order; nothing was written for one that is not in
    /// the result.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; nothing is known to be written then.
    fn refuse(
        &self,
        refusals: &[Refusal<'_>],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;
}

/// A job whose order was refused.
#[derive(Clone, Debug)]
pub struct Refusal<'a> {
    /// The job.
    pub job: &'a FulfillmentJob,
    /// The reason: at most 500 characters, no personal data.
    pub reason: String,
}

/// Offers each pending order of `tasks` to the warehouse once, confirms those that it accepts, and
/// records those that it refuses. An order that does not exist has no outcome.
///
/// A first round trip reads the statuses, so that an order that was canceled in the queue is not
/// packed.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`]. The warehouse may have accepted orders then; they
/// will be offered again with the same keys.
pub(super) async fn hand_over(
    orders: &(impl ConfirmOrders + RefuseOrders),
    warehouse: &(impl Warehouse + DeadLetters),
    tasks: &[Task],
) -> Result<HashMap<OrderId, Outcome>, Error> {
    let mut seen = HashSet::with_capacity(tasks.len());
    let tasks: Vec<&Task> = tasks.iter().filter(|task| seen.insert(task.job.order_id)).collect();
    let ids: Vec<OrderId> = tasks.iter().map(|task| task.job.order_id).collect();
    let statuses = orders.statuses(&ids).await?;
    let mut outcomes: HashMap<_, _> =
        statuses.into_iter().map(|(id, status)| (id, Outcome::Was(status))).collect();
    let pending = tasks.into_iter().filter(|task| {
        matches!(outcomes.get(&task.job.order_id), Some(Outcome::Was(Status::Pending)))
    });
    let mut accepted: Vec<FulfillmentJob> = Vec::new();
    let mut refused = Vec::new();
    for (task, offer) in offer(warehouse, pending.collect()).await {
        match offer {
            Offer::Accepted => {
                // Only the statement that confirms it knows its outcome.
                outcomes.remove(&task.job.order_id);
                accepted.push(task.job.clone());
            }
            Offer::Refused(reason) => refused.push((task, reason)),
            Offer::Unanswered(error) => {
                let error = crate::error::chain(&*error);
                outcomes.insert(task.job.order_id, Outcome::Unanswered { error });
            }
        }
    }
    if !accepted.is_empty() {
        let before = orders.confirm(&accepted).await?;
        outcomes.extend(before.into_iter().map(|(id, status)| (id, Outcome::Accepted(status))));
    }
    if !refused.is_empty() {
        outcomes.extend(lay_aside(orders, warehouse, refused).await);
    }
    Ok(outcomes)
}

/// Offers the orders concurrently, for at most [`OFFER_TIME`].
async fn offer<'a>(warehouse: &impl Warehouse, tasks: Vec<&'a Task>) -> Vec<(&'a Task, Offer)> {
    let deadline = Instant::now() + OFFER_TIME;
    // Collected, as the compiler finds a stream of borrowing closures not to be `Send`.
    let offers: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            async move {
                let offer = timeout_at(deadline, warehouse.offer(&task.job)).await;
                (task, offer.unwrap_or_else(|elapsed| Offer::Unanswered(elapsed.into())))
            }
            .instrument(task.job.span())
        })
        .collect();
    stream::iter(offers).buffer_unordered(AT_ONCE).collect().await
}

/// Writes the history first: a second entry is not written on a retry, but a second letter would
/// be.
async fn lay_aside(
    orders: &impl RefuseOrders,
    letters: &impl DeadLetters,
    refused: Vec<(&Task, String)>,
) -> Vec<(OrderId, Outcome)> {
    let refusals: Vec<Refusal<'_>> = refused
        .iter()
        .map(|(task, reason)| Refusal { job: &task.job, reason: reason.clone() })
        .collect();
    let statuses = orders.refuse(&refusals).await.map_err(|error| error.chain());
    let letters = refused.into_iter().map(async |(task, reason)| {
        let id = task.job.order_id;
        let sent = match &statuses {
            Err(error) => Err(error.clone()),
            Ok(statuses) => match statuses.get(&id) {
                Some(Status::Pending) => letters
                    .lay_aside(&task.delivery.body, &reason)
                    .await
                    .map_err(|error| error.chain()),
                // The order was canceled, or another copy of the job was accepted.
                Some(&status) => return (id, Outcome::Was(status)),
                None => Err("the order kept changing".to_owned()),
            },
        };
        let outcome = match sent {
            Ok(()) => Outcome::LaidAside { reason },
            Err(error) => Outcome::Refused { reason, error },
        };
        (id, outcome)
    });
    futures_util::future::join_all(letters).await
}
