//! Fulfills the orders of a batch of jobs.

use std::collections::HashMap;

use super::delivery::Delivery;
use super::fulfillment::{ConfirmOrders, DeliveredJob, Fulfillment};
use super::fulfillment_job::FulfillmentJob;
use super::offer_orders::{RefuseOrders, offer_and_confirm};
use super::warehouse::{DeadLetters, Warehouse};
use crate::domain::OrderId;
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
pub async fn fulfill_orders(
    orders: &(impl ConfirmOrders + RefuseOrders),
    warehouse: &(impl Warehouse + DeadLetters),
    deliveries: Vec<Delivery>,
) -> Result<Vec<String>, Error> {
    let (jobs, mut failed) = parse(deliveries);
    if jobs.is_empty() {
        return Ok(failed);
    }
    let fulfillments = if warehouse.is_there() {
        offer_and_confirm(orders, warehouse, &jobs).await
    } else {
        confirm(orders, &jobs).await
    };
    let fulfillments = fulfillments.inspect_err(|_| {
        for delivered in &jobs {
            delivered.traced.failed("batch_failed");
        }
    })?;
    for DeliveredJob { delivery, job, traced } in jobs {
        let fulfillment = fulfillments.get(&job.order_id);
        trace_end(&traced, fulfillment);
        if !log(fulfillment, &delivery.message_id, &job) {
            failed.push(delivery.message_id);
        }
    }
    Ok(failed)
}

/// The jobs of a batch, and the ids of the messages that are none.
fn parse(deliveries: Vec<Delivery>) -> (Vec<DeliveredJob>, Vec<String>) {
    let mut jobs = Vec::with_capacity(deliveries.len());
    let mut failed = Vec::new();
    for delivery in deliveries {
        match FulfillmentJob::parse(&delivery.body) {
            Ok(job) => jobs.push(DeliveredJob::new(delivery, job)),
            Err(error) => {
                delivery.traced(None).failed("malformed");
                let message_id = delivery.message_id;
                tracing::error!(message_id, error = %error, "the message is not a fulfillment job");
                failed.push(message_id);
            }
        }
    }
    (jobs, failed)
}

/// Confirms the orders of all jobs.
async fn confirm(
    orders: &impl ConfirmOrders,
    jobs: &[DeliveredJob],
) -> Result<HashMap<OrderId, Fulfillment>, Error> {
    let jobs: Vec<_> = jobs.iter().map(|delivered| delivered.job.clone()).collect();
    let before = orders.confirm(&jobs).await?.into_iter();
    Ok(before.map(|(id, status)| (id, Fulfillment::after_confirming(status))).collect())
}

/// Ends the span of a job with what became of its order.
fn trace_end(traced: &trace::Span, fulfillment: Option<&Fulfillment>) {
    match fulfillment {
        Some(fulfillment) if fulfillment.is_failure() => traced.failed(fulfillment.name()),
        Some(fulfillment) => traced.outcome(fulfillment.name()),
        None => traced.failed("order_not_found"),
    }
}

/// Logs what became of the order of a job, and returns whether its message succeeded.
fn log(fulfillment: Option<&Fulfillment>, message_id: &str, job: &FulfillmentJob) -> bool {
    let _entered = job.span().entered();
    match fulfillment {
        Some(Fulfillment::Confirmed) => tracing::info!("order confirmed"),
        Some(Fulfillment::AlreadyConfirmed) => {
            tracing::info!("order was already confirmed; nothing to do");
        }
        Some(Fulfillment::Cancelled) => {
            tracing::info!("order was canceled; nothing to fulfill");
        }
        // The event `OrderCancelled` tells the warehouse.
        Some(Fulfillment::CancelledWhileOffered) => {
            tracing::warn!("order was canceled while the warehouse accepted it");
        }
        Some(Fulfillment::Refused { reason }) => {
            tracing::error!(
                reason,
                "order refused by the warehouse; its job is in the dead-letter queue"
            );
        }
        Some(Fulfillment::RefusalNotRecorded { reason, error }) => {
            tracing::error!(
                message_id,
                reason,
                error,
                "failed to record the refusal; the job will be retried"
            );
            return false;
        }
        Some(Fulfillment::Unanswered { error }) => {
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
