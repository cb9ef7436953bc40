//! Confirming the orders of a batch of jobs, and recording what the warehouse refused.

use std::collections::HashMap;

use uuid::Uuid;

use super::connection::Database;
use super::rows;
use super::statements::{CONFIRM_ORDERS, GET_STATUSES, REFUSE_ORDERS};
use crate::Error;
use crate::app::{ConfirmOrders, FulfillmentJob, Refusal, RefuseOrders};
use crate::domain::{OrderId, Status};

/// The actor in the history of these orders.
const FULFILLMENT: &str = "fulfill-order";

impl ConfirmOrders for Database {
    async fn confirm(&self, jobs: &[FulfillmentJob]) -> Result<HashMap<OrderId, Status>, Error> {
        let ids: Vec<Uuid> = jobs.iter().map(|job| job.order_id.as_uuid()).collect();
        let correlation_ids: Vec<&str> =
            jobs.iter().map(|job| job.correlation_id.as_str()).collect();
        let traceparents: Vec<Option<&str>> =
            jobs.iter().map(|job| job.traceparent.as_deref()).collect();
        let rows = self
            .query(CONFIRM_ORDERS, &[&ids, &correlation_ids, &FULFILLMENT, &traceparents])
            .await?;
        rows::statuses(&rows)
    }
}

impl RefuseOrders for Database {
    async fn statuses(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        rows::statuses(&self.query(GET_STATUSES, &[&ids]).await?)
    }

    async fn refuse(&self, refusals: &[Refusal<'_>]) -> Result<HashMap<OrderId, Status>, Error> {
        let before = self.refuse_once(refusals).await?;
        // The statement waited for another that changed one of the orders, so it read an older
        // history. Run again, it sees that, and the refusals that it has already written.
        let all = refusals.iter().all(|refusal| before.contains_key(&refusal.job.order_id));
        if all { Ok(before) } else { self.refuse_once(refusals).await }
    }
}

impl Database {
    async fn refuse_once(
        &self,
        refusals: &[Refusal<'_>],
    ) -> Result<HashMap<OrderId, Status>, Error> {
        let ids: Vec<Uuid> = refusals.iter().map(|it| it.job.order_id.as_uuid()).collect();
        let correlation_ids: Vec<&str> =
            refusals.iter().map(|it| it.job.correlation_id.as_str()).collect();
        let reasons: Vec<&str> = refusals.iter().map(|it| it.reason.as_str()).collect();
        let rows =
            self.query(REFUSE_ORDERS, &[&ids, &correlation_ids, &reasons, &FULFILLMENT]).await?;
        rows::statuses(&rows)
    }
}
