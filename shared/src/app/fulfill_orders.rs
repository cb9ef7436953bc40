//! Confirms the orders of a batch of fulfillment jobs.

use std::collections::HashMap;

use super::batch::{ConfirmOrders, Delivery, Outcome, Task};
use super::fulfillment_job::FulfillmentJob;
use super::hand_over::{RefuseOrders, hand_over};
use super::warehouse::{DeadLetters, Warehouse};
use crate::Error;
use crate::domain::{OrderId, Status};

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
mod tests;
