//! The outbox: claiming and settling what must leave the database.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::error::unexpected;
use super::{CLAIM_OUTBOX, Database, FORGET_OLD_KEYS, SETTLE_OUTBOX};
use crate::Error;
use crate::app::ports::{Claimed, Event, Job, KeepOutbox, Message};

/// The kind of a fulfilment job; any other is the name of an event.
const JOB: &str = "fulfillment_job";

impl KeepOutbox for Database {
    async fn claim(&self, limit: u16) -> Result<Claimed, Error> {
        let lease = self.timing().outbox_lease.as_secs_f64();
        let rows = self.query(CLAIM_OUTBOX, &[&i64::from(limit), &lease]).await?;
        let mut claimed = Claimed::default();
        for row in &rows {
            match row.try_get("kind").map_err(unexpected)? {
                JOB => claimed.jobs.push(message(row, Job)?),
                name => claimed.events.push(message(row, Event(name.to_owned()))?),
            }
        }
        Ok(claimed)
    }

    async fn settle(&self, done: &[Uuid], again: &[(Uuid, Duration)]) -> Result<(), Error> {
        let (ids, seconds): (Vec<Uuid>, Vec<f64>) =
            again.iter().map(|(id, delay)| (*id, delay.as_secs_f64())).unzip();
        self.query(SETTLE_OUTBOX, &[&done, &ids, &seconds]).await?;
        Ok(())
    }

    async fn forget_old_keys(&self) -> Result<u64, Error> {
        let kept = self.timing().idempotency_retention.as_secs_f64();
        let rows = self.query(FORGET_OLD_KEYS, &[&kept]).await?;
        let row = rows.first().ok_or_else(|| unexpected("no count of forgotten keys"))?;
        let forgotten: i64 = row.try_get(0).map_err(unexpected)?;
        u64::try_from(forgotten).map_err(unexpected)
    }
}

fn message<K>(row: &Row, kind: K) -> Result<Message<K>, Error> {
    let body: Value = row.try_get("payload").map_err(unexpected)?;
    Ok(Message {
        id: row.try_get("id").map_err(unexpected)?,
        kind,
        body: body.to_string(),
        correlation_id: row.try_get("correlation_id").map_err(unexpected)?,
        attempts: row.try_get("attempts").map_err(unexpected)?,
    })
}
