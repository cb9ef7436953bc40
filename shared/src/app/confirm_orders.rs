//! Takes a batch of fulfilment jobs and confirms their orders.

use std::collections::HashMap;

use super::FulfillmentJob;
use super::ports::ConfirmOrders;
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

/// Confirms the order of every delivery that has one, in one statement, and answers with the ids of
/// the messages that failed: those that are not jobs, and those whose order does not exist. Each
/// fails alone; the queue delivers it again, and in the end gives it to the dead-letter queue.
///
/// Handling is idempotent: an order that is not pending any more is left as it is and its message
/// is done with.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`]; then the whole batch is to be delivered again.
pub async fn confirm_orders(
    orders: &impl ConfirmOrders,
    deliveries: Vec<Delivery>,
) -> Result<Vec<String>, Error> {
    let mut failed = Vec::new();
    let mut message_ids = Vec::with_capacity(deliveries.len());
    let mut jobs = Vec::with_capacity(deliveries.len());
    for Delivery { message_id, body } in deliveries {
        match FulfillmentJob::parse(&body) {
            Ok(job) => {
                message_ids.push(message_id);
                jobs.push(job);
            }
            Err(error) => {
                tracing::error!(message_id, error = %error, "the message is not a fulfilment job");
                failed.push(message_id);
            }
        }
    }
    if jobs.is_empty() {
        return Ok(failed);
    }
    let before = orders.confirm(&jobs).await?;
    for (message_id, job) in message_ids.into_iter().zip(&jobs) {
        if !settle(&before, &message_id, job) {
            failed.push(message_id);
        }
    }
    Ok(failed)
}

/// Logs what became of one job, under its own correlation id, and says whether it is done with.
fn settle(before: &HashMap<OrderId, Status>, message_id: &str, job: &FulfillmentJob) -> bool {
    let order_id = job.order_id.to_string();
    let span = tracing::info_span!("job", correlation_id = %job.correlation_id, order_id);
    let _entered = span.enter();
    match before.get(&job.order_id) {
        Some(Status::Pending) => tracing::info!("the order is confirmed"),
        Some(Status::Confirmed | Status::Shipped | Status::Delivered) => {
            tracing::info!("the order was confirmed before; this delivery changes nothing");
        }
        Some(Status::Cancelled) => {
            tracing::info!("the order was cancelled meanwhile; there is nothing to fulfil");
        }
        None => {
            tracing::error!(message_id, "there is no such order");
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

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

    fn delivery(message_id: &str, order: u128) -> Delivery {
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
        let failed = confirm_orders(&orders, batch).await.unwrap();
        assert_eq!(failed, ["poison", "orphan"]);
        assert_eq!(orders.calls.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_batch_of_nothing_but_poison_asks_the_store_nothing() {
        let orders = Orders::default();
        let poison = Delivery { message_id: "poison".to_owned(), body: String::new() };
        assert_eq!(confirm_orders(&orders, vec![poison]).await.unwrap(), ["poison"]);
        assert_eq!(orders.calls.into_inner(), 0);
    }
}
