//! Takes a batch of fulfilment jobs and confirms their orders.

use std::collections::HashMap;

use super::FulfillmentJob;
use super::hand_over::hand_over;
use super::ports::{ConfirmOrders, DeadLetters, RefuseOrders, Warehouse};
use crate::Error;
use crate::domain::{OrderId, Status};

/// One message of a batch, as the queue delivered it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The queue's name for the message.
    pub message_id: String,
    /// What it says.
    pub body: String,
}

/// A message that was understood.
pub(super) struct Task {
    pub(super) delivery: Delivery,
    pub(super) job: FulfillmentJob,
}

/// What became of one order of a batch.
pub(super) enum Outcome {
    /// Nobody was asked; this is what it was.
    Was(Status),
    /// The warehouse took it; this is what it was after that, and before it was confirmed.
    Accepted(Status),
    /// The warehouse refused it, and all that is to be done about that is done.
    LaidAside {
        /// Why.
        reason: String,
    },
    /// The warehouse refused it, and what is to be done about that is still to be done.
    Refused {
        /// Why.
        reason: String,
        /// What went wrong then.
        error: String,
    },
    /// Whether the warehouse has it is not known.
    Unanswered {
        /// What is known.
        error: String,
    },
}

/// Confirms the order of every delivery that has one, in one statement, and answers with the ids of
/// the messages that failed: those that are not jobs, and those whose order does not exist. Each
/// fails alone; the queue delivers it again, and in the end gives it to the dead-letter queue.
///
/// If there is a warehouse, it is offered each order that is pending, and only what it takes is
/// confirmed. An order that it refuses stays pending, its history says why, and its job is laid
/// aside. A message whose order it did not answer for fails, alone as well.
///
/// Handling is idempotent: an order that is not pending any more is left as it is and its message
/// is done with.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`]; then the whole batch is to be delivered again.
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

/// Logs what became of one job, under its own correlation id, and says whether it is done with.
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
        // Its event tells the warehouse, as of every order that is cancelled after it was confirmed.
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
    use crate::app::ports::{NoWarehouse, Refusal};

    /// Knows some orders, and counts how often it is asked.
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
