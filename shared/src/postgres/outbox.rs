//! The outbox: claiming and settling messages.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Database;
use super::error::unexpected;
use super::statements::{CLAIM_OUTBOX, FORGET_OLD_KEYS, SETTLE_OUTBOX};
use crate::Error;
use crate::app::{Event, Jobs, KeepOutbox, Message, OutboxJob, Settled};

impl KeepOutbox for Database {
    async fn claim_events(&self, limit: u16) -> Result<Vec<Message<Event>>, Error> {
        let rows = self.claim("event", limit, Duration::ZERO).await?;
        let event = |row: &Row| {
            let name = row.try_get("kind").map_err(unexpected)?;
            message(row, Event(name))
        };
        rows.iter().map(event).collect()
    }

    async fn claim_jobs(&self, jobs: Jobs, limit: u16) -> Result<Vec<Message<OutboxJob>>, Error> {
        let rows = match jobs {
            Jobs::Unsent { overdue } => self.claim("unsent_job", limit, overdue).await?,
            Jobs::SentBefore => self.claim("sent_job", limit, Duration::ZERO).await?,
        };
        rows.iter().map(|row| message(row, OutboxJob)).collect()
    }

    async fn settle(&self, settled: &Settled) -> Result<(), Error> {
        let Settled { done, again, untried } = settled;
        let (ids, seconds): (Vec<Uuid>, Vec<f64>) =
            again.iter().map(|(id, delay)| (*id, delay.as_secs_f64())).unzip();
        self.query(SETTLE_OUTBOX, &[done, &ids, &seconds, untried]).await?;
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

impl Database {
    async fn claim(&self, lane: &str, limit: u16, overdue: Duration) -> Result<Vec<Row>, Error> {
        let (lease, overdue) = (self.timing().outbox_lease.as_secs_f64(), overdue.as_secs_f64());
        Ok(self.query(CLAIM_OUTBOX, &[&lane, &i64::from(limit), &lease, &overdue]).await?)
    }
}

fn message<K>(row: &Row, kind: K) -> Result<Message<K>, Error> {
    Ok(Message {
        id: row.try_get("id").map_err(unexpected)?,
        kind,
        body: row.try_get("body").map_err(unexpected)?,
        correlation_id: row.try_get("correlation_id").map_err(unexpected)?,
        traceparent: row.try_get("traceparent").map_err(unexpected)?,
        attempts: row.try_get("attempts").map_err(unexpected)?,
    })
}
