//! Confirms the orders of a batch of fulfillment jobs.

use super::batch::{ConfirmOrders, Delivery, Outcome, Task};
use super::fulfillment_job::FulfillmentJob;
use super::hand_over::{RefuseOrders, hand_over};
use super::warehouse::{DeadLetters, Warehouse};
use crate::domain::Status;
use crate::{Error, trace};

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
            Ok(job) => tasks.push(Task::new(delivery, job)),
            Err(error) => {
                delivery.traced(None).failed("malformed");
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
        hand_over(orders, warehouse, &tasks).await
    } else {
        let jobs: Vec<_> = tasks.iter().map(|task| task.job.clone()).collect();
        let before = orders.confirm(&jobs).await;
        before.map(|it| it.into_iter().map(|(id, status)| (id, Outcome::Was(status))).collect())
    };
    let outcomes = outcomes.inspect_err(|_| {
        for task in &tasks {
            task.traced.failed("batch_failed");
        }
    })?;
    for task in tasks {
        let outcome = outcomes.get(&task.job.order_id);
        trace_outcome(outcome, &task.traced);
        if !settle(outcome, &task.delivery.message_id, &task.job) {
            failed.push(task.delivery.message_id);
        }
    }
    Ok(failed)
}

/// Records the outcome of a job.
fn trace_outcome(outcome: Option<&Outcome>, traced: &trace::Span) {
    let (outcome, has_failed) = match outcome {
        Some(Outcome::Was(Status::Pending) | Outcome::Accepted(Status::Pending)) => {
            ("confirmed", false)
        }
        Some(Outcome::Was(Status::Cancelled) | Outcome::Accepted(Status::Cancelled)) => {
            ("cancelled", false)
        }
        Some(Outcome::Was(_) | Outcome::Accepted(_)) => ("already_confirmed", false),
        Some(Outcome::LaidAside { .. }) => ("refused", true),
        Some(Outcome::Refused { .. }) => ("refusal_not_recorded", true),
        Some(Outcome::Unanswered { .. }) => ("no_answer", true),
        None => ("order_not_found", true),
    };
    if has_failed { traced.failed(outcome) } else { traced.outcome(outcome) }
}

/// Logs the outcome of a job, and returns whether its message succeeded.
fn settle(outcome: Option<&Outcome>, message_id: &str, job: &FulfillmentJob) -> bool {
    let _entered = job.span().entered();
    match outcome {
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
