//! A scripted queue and bus, and a relay that dies.

use std::collections::HashSet;
use std::sync::Mutex;

use waybill::app::{
    Event, FulfillmentJob, Jobs, KeepOutbox, MeasureQueue, Message, OutboxJob, SendBatch, SendJobs,
    Settled,
};
use waybill::domain::OrderId;
use waybill::postgres::Database;
use waybill::{BoxError, Error};

/// A queue or a bus that keeps what it gets.
#[derive(Default)]
pub(super) struct Receiver {
    /// Order, kind and body.
    pub(super) taken: Mutex<Vec<(OrderId, String, String)>>,
    pub(super) refuses: Mutex<HashSet<OrderId>>,
    pub(super) is_down: Mutex<bool>,
}

impl Receiver {
    fn take(&self, kind: &str, body: &str) -> Result<(), BoxError> {
        let order = serde_json::from_str::<serde_json::Value>(body)?;
        let order = OrderId::parse(order["order_id"].as_str().unwrap()).unwrap();
        if *self.is_down.lock().unwrap() || self.refuses.lock().unwrap().contains(&order) {
            return Err("refused".into());
        }
        self.taken.lock().unwrap().push((order, kind.to_owned(), body.to_owned()));
        Ok(())
    }
}

impl SendBatch<OutboxJob> for Receiver {
    const LIMIT: usize = 10;
    const MAX_BYTES: usize = 1_000_000;

    fn bytes(message: &Message<OutboxJob>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<OutboxJob>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        assert!((1..=10).contains(&messages.len()));
        Ok(messages.iter().map(|message| self.take("job", &message.body)).collect())
    }
}

impl MeasureQueue for Receiver {
    /// Messages are received as fast as they are sent.
    async fn waiting(&self) -> Result<u64, BoxError> {
        Ok(0)
    }
}

impl SendBatch<Event> for Receiver {
    const LIMIT: usize = 10;
    const MAX_BYTES: usize = 1_000_000;

    fn bytes(message: &Message<Event>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<Event>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        assert!((1..=10).contains(&messages.len()));
        Ok(messages.iter().map(|message| self.take(&message.kind.0, &message.body)).collect())
    }
}

impl SendJobs for Receiver {
    async fn send(&self, job: &FulfillmentJob) -> Result<(), Error> {
        self.take("job", &job.to_body().unwrap())
            .map_err(|source| Error::unavailable("SQS", source))
    }
}

/// The outbox of a relay that dies after sending.
pub(super) struct Dying<'a>(pub(super) &'a Database);

impl KeepOutbox for Dying<'_> {
    async fn claim_events(&self, limit: u16) -> Result<Vec<Message<Event>>, Error> {
        self.0.claim_events(limit).await
    }

    async fn claim_jobs(&self, jobs: Jobs, limit: u16) -> Result<Vec<Message<OutboxJob>>, Error> {
        self.0.claim_jobs(jobs, limit).await
    }

    async fn settle(&self, _: &Settled) -> Result<(), Error> {
        Err(Error::unavailable("Postgres", "killed"))
    }

    async fn forget_old_keys(&self) -> Result<u64, Error> {
        self.0.forget_old_keys().await
    }
}
