//! Offers the orders of a batch to the warehouse before they are confirmed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::fulfillment::{ConfirmOrders, DeliveredJob, Fulfillment};
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

/// Offers each pending order of `jobs` to the warehouse once, confirms those that it accepts, and
/// records those that it refuses. An order that does not exist is not in the result.
///
/// A first round trip reads the statuses, so that an order that was canceled in the queue is not
/// packed.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`]. The warehouse may have accepted orders then; they
/// will be offered again with the same keys.
pub(super) async fn offer_and_confirm(
    orders: &(impl ConfirmOrders + RefuseOrders),
    warehouse: &(impl Warehouse + DeadLetters),
    jobs: &[DeliveredJob],
) -> Result<HashMap<OrderId, Fulfillment>, Error> {
    let mut seen = HashSet::with_capacity(jobs.len());
    let jobs: Vec<_> = jobs.iter().filter(|it| seen.insert(it.job.order_id)).collect();
    let ids: Vec<OrderId> = jobs.iter().map(|it| it.job.order_id).collect();
    let statuses = orders.statuses(&ids).await?;
    let is_pending = |it: &&DeliveredJob| statuses.get(&it.job.order_id) == Some(&Status::Pending);
    let pending = jobs.into_iter().filter(is_pending).collect();
    let not_pending = statuses.iter().filter(|(_, status)| **status != Status::Pending);
    let mut fulfillments: HashMap<_, _> =
        not_pending.map(|(&id, &status)| (id, Fulfillment::after_confirming(status))).collect();
    let mut accepted: Vec<FulfillmentJob> = Vec::new();
    let mut refused = Vec::new();
    for (delivered, offer) in offer(warehouse, pending).await {
        match offer {
            Offer::Accepted => accepted.push(delivered.job.clone()),
            Offer::Refused(reason) => refused.push((delivered, reason)),
            Offer::Unanswered(error) => {
                let error = crate::error::chain(&*error);
                fulfillments.insert(delivered.job.order_id, Fulfillment::Unanswered { error });
            }
        }
    }
    if !accepted.is_empty() {
        let before = orders.confirm(&accepted).await?.into_iter();
        fulfillments.extend(before.map(|(id, status)| (id, after_accepting(status))));
    }
    if !refused.is_empty() {
        fulfillments.extend(record_refusals(orders, warehouse, refused).await);
    }
    Ok(fulfillments)
}

/// What became of an accepted order that had this status when it was confirmed.
fn after_accepting(before: Status) -> Fulfillment {
    match Fulfillment::after_confirming(before) {
        Fulfillment::Cancelled => Fulfillment::CancelledWhileOffered,
        fulfillment => fulfillment,
    }
}

/// Offers the orders concurrently, for at most [`OFFER_TIME`].
async fn offer<'a>(
    warehouse: &impl Warehouse,
    jobs: Vec<&'a DeliveredJob>,
) -> Vec<(&'a DeliveredJob, Offer)> {
    let deadline = Instant::now() + OFFER_TIME;
    // Collected, as the compiler finds a stream of borrowing closures not to be `Send`.
    let offers: Vec<_> = jobs
        .into_iter()
        .map(|delivered| {
            async move {
                let offer = delivered.traced.scope(warehouse.offer(&delivered.job));
                let offer = timeout_at(deadline, offer).await;
                (delivered, offer.unwrap_or_else(|elapsed| Offer::Unanswered(elapsed.into())))
            }
            .instrument(delivered.job.span())
        })
        .collect();
    stream::iter(offers).buffer_unordered(AT_ONCE).collect().await
}

/// Writes the history first: a second entry is not written on a retry, but a second letter would
/// be.
async fn record_refusals(
    orders: &impl RefuseOrders,
    letters: &impl DeadLetters,
    refused: Vec<(&DeliveredJob, String)>,
) -> Vec<(OrderId, Fulfillment)> {
    let refusals: Vec<Refusal<'_>> = refused
        .iter()
        .map(|(delivered, reason)| Refusal { job: &delivered.job, reason: reason.clone() })
        .collect();
    let statuses = orders.refuse(&refusals).await.map_err(|error| error.chain());
    let letters = refused.into_iter().map(async |(delivered, reason)| {
        let id = delivered.job.order_id;
        let sent = match &statuses {
            Err(error) => Err(error.clone()),
            Ok(statuses) => match statuses.get(&id) {
                Some(Status::Pending) => delivered
                    .traced
                    .scope(letters.lay_aside(&delivered.delivery.body, &reason))
                    .await
                    .map_err(|error| error.chain()),
                // The order was canceled, or another copy of the job was accepted.
                Some(&status) => return (id, Fulfillment::after_confirming(status)),
                None => Err("the order kept changing".to_owned()),
            },
        };
        let fulfillment = match sent {
            Ok(()) => Fulfillment::Refused { reason },
            Err(error) => Fulfillment::RefusalNotRecorded { reason, error },
        };
        (id, fulfillment)
    });
    futures_util::future::join_all(letters).await
}
