//! Confirms the orders of a batch of fulfillment jobs.

use std::collections::HashMap;

use super::FulfillmentJob;
use super::hand_over::{RefuseOrders, hand_over};
use super::warehouse::{DeadLetters, Warehouse};
use crate::Error;
use crate::domain::{OrderId, Status};

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

/// Confirms the orders of all deliveries in one statement, and returns the ids of the messages that
/// failed: those that are not jobs, and those whose order does not exist. The queue delivers these
/// again and finally moves them to the dead-letter queue.
///
/// With a warehouse, each pending order is offered to it first, and only accepted orders are
/// confirmed. A refused order stays pending, its history gets the reason, and its job goes to the
/// dead-letter queue. If the warehouse does not answer for an order, its message fails.
///
/// This is idempotent: an order that is not pending does not change, and its message succeeds.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`]; the whole batch must then be delivered again.
pub async fn confirm_orders(
    orders: &(impl ConfirmOrders + RefuseOrders),
    warehouse: &(impl Warehouse + DeadLetters),
    deliveries: Vec<Delivery>,
) -> Result<Vec<String>, Error> {
    let mut failed = Vec::new();
    let mut tasks = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        match FulfillmentJob::parse(&delivery.body) {
            Ok(job) => tasks.push(Task { delivery, job }),
            Err(error) => {
                let message_id = delivery.message_id;
                tracing::error!(message_id, error = %error, "the message is not a fulfillment job");
                failed.push(message_id);
            }
        }
    }
    if tasks.is_empty() {
        return Ok(failed);
    }
    let outcomes = if warehouse.is_there() {
        hand_over(orders, warehouse, &tasks).await?
    } else {
        let jobs: Vec<_> = tasks.iter().map(|task| task.job.clone()).collect();
        let before = orders.confirm(&jobs).await?;
        before.into_iter().map(|(id, status)| (id, Outcome::Was(status))).collect()
    };
    for Task { delivery, job } in tasks {
        if !settle(&outcomes, &delivery.message_id, &job) {
            failed.push(delivery.message_id);
        }
    }
    Ok(failed)
}

/// Logs the outcome of a job, and returns whether its message succeeded.
fn settle(outcomes: &HashMap<OrderId, Outcome>, message_id: &str, job: &FulfillmentJob) -> bool {
    let _entered = job.span().entered();
    match outcomes.get(&job.order_id) {
        Some(Outcome::Was(Status::Pending) | Outcome::Accepted(Status::Pending)) => {
            tracing::info!("order confirmed");
        }
        Some(
            Outcome::Was(Status::Confirmed | Status::Shipped | Status::Delivered)
            | Outcome::Accepted(Status::Confirmed | Status::Shipped | Status::Delivered),
        ) => {
            tracing::info!("order was already confirmed; nothing to do");
        }
        Some(Outcome::Was(Status::Cancelled)) => {
            tracing::info!("order was canceled; nothing to fulfill");
        }
        // The event `OrderCancelled` tells the warehouse.
        Some(Outcome::Accepted(Status::Cancelled)) => {
            tracing::warn!("order was canceled while the warehouse accepted it");
        }
        Some(Outcome::LaidAside { reason }) => {
            tracing::error!(
                reason,
                "order refused by the warehouse; its job is in the dead-letter queue"
            );
        }
        Some(Outcome::Refused { reason, error }) => {
            tracing::error!(
                message_id,
                reason,
                error,
                "failed to record the refusal; the job will be retried"
            );
            return false;
        }
        Some(Outcome::Unanswered { error }) => {
            tracing::error!(message_id, error, "no answer from the warehouse; retrying");
            return false;
        }
        None => {
            tracing::error!(message_id, "order not found");
            return false;
        }
    }
    true
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::app::hand_over::Refusal;
    use crate::app::warehouse::NoWarehouse;

    /// Orders that count the calls.
    #[derive(Default)]
    struct Orders {
        known: HashMap<OrderId, Status>,
        calls: std::sync::atomic::AtomicUsize,
    }

    impl ConfirmOrders for Orders {
        async fn confirm(&self, _: &[FulfillmentJob]) -> Result<HashMap<OrderId, Status>, Error> {
            self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(self.known.clone())
        }
    }

    impl RefuseOrders for Orders {
        async fn statuses(&self, _: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
            panic!("nobody asks without a warehouse");
        }

        async fn refuse(&self, _: &[Refusal<'_>]) -> Result<HashMap<OrderId, Status>, Error> {
            panic!("nobody refuses without a warehouse");
        }
    }

    /// The message of an order's job.
    pub(in crate::app) fn delivery(message_id: &str, order: u128) -> Delivery {
        let body = serde_json::json!({
            "v": 1,
            "order_id": Uuid::from_u128(order),
            "number": "ORD-20260221-6BA0A415",
            "items": [],
            "correlation_id": "abc",
            "placed_at": "2026-02-21T12:00:00Z",
        });
        Delivery { message_id: message_id.to_owned(), body: body.to_string() }
    }

    #[tokio::test]
    async fn what_is_no_job_or_has_no_order_fails_alone() {
        let orders = Orders {
            known: HashMap::from([
                (OrderId::from(Uuid::from_u128(1)), Status::Pending),
                (OrderId::from(Uuid::from_u128(2)), Status::Cancelled),
                (OrderId::from(Uuid::from_u128(3)), Status::Shipped),
            ]),
            ..Orders::default()
        };
        let poison = Delivery { message_id: "poison".to_owned(), body: "{".to_owned() };
        let batch = vec![
            delivery("new", 1),
            poison,
            delivery("cancelled", 2),
            delivery("orphan", 9),
            delivery("again", 3),
        ];
        let failed = confirm_orders(&orders, &NoWarehouse, batch).await.unwrap();
        assert_eq!(failed, ["poison", "orphan"]);
        assert_eq!(orders.calls.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_batch_of_nothing_but_poison_asks_the_store_nothing() {
        let orders = Orders::default();
        let poison = Delivery { message_id: "poison".to_owned(), body: String::new() };
        assert_eq!(confirm_orders(&orders, &NoWarehouse, vec![poison]).await.unwrap(), ["poison"]);
        assert_eq!(orders.calls.into_inner(), 0);
    }
}
