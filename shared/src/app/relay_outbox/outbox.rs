//! The outbox, and where its messages go.

use std::time::Duration;

use uuid::Uuid;

use crate::{BoxError, Error};

/// Keeps messages until they are sent.
pub trait KeepOutbox: Sync {
    /// Claims up to `limit` due events, oldest first, for a lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn claim_events(
        &self,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<Message<Event>>, Error>> + Send;

    /// Claims up to `limit` of these due jobs, oldest first, for a lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn claim_jobs(
        &self,
        jobs: Jobs,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<Message<OutboxJob>>, Error>> + Send;

    /// Ends the leases of claimed messages.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; then all are due again after their lease.
    fn settle(&self, settled: &Settled) -> impl Future<Output = Result<(), Error>> + Send;

    /// Deletes some expired idempotency keys, and returns how many. Skips keys that are locked.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn forget_old_keys(&self) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// The jobs to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// Those that no relay has tried, and that have been due for so long.
    Unsent {
        /// Zero for all that are due.
        overdue: Duration,
    },
    /// Those that a relay has tried before.
    SentBefore,
}

/// The results for claimed messages. One that is not in here is due again after its lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Done; to be deleted.
    pub done: Vec<Uuid>,
    /// Tried; due again after so long.
    pub again: Vec<(Uuid, Duration)>,
    /// Not tried; due as before.
    pub untried: Vec<Uuid>,
}

/// A message of the outbox. Its kind is a type, so that jobs can't go to the bus, or events to the
/// queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<K> {
    /// Its id; that of a job is the id of its order.
    pub id: Uuid,
    /// Its kind.
    pub kind: K,
    /// The JSON body.
    pub body: String,
    /// The correlation id of the request that caused it.
    pub correlation_id: String,
    /// The W3C trace context of that request, if it has one.
    pub traceparent: Option<String>,
    /// The number of tries, including this one.
    pub attempts: i32,
}

/// The kind of a [`FulfillmentJob`](crate::app::FulfillmentJob).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxJob;

/// The kind of an order event, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event(pub String);

/// Sends batches of messages of one kind.
pub trait SendBatch<K>: Sync {
    /// The most messages in a call.
    const LIMIT: usize;

    /// The most bytes in a call, and so in a message.
    const MAX_BYTES: usize;

    /// The bytes of this message in a call.
    fn bytes(message: &Message<K>) -> usize;

    /// Sends messages within both limits, and returns a result for each, in order. A refused
    /// message does not hold back the others.
    ///
    /// # Errors
    /// If the whole call failed or timed out. The messages may have been sent then.
    fn send_batch(
        &self,
        messages: &[Message<K>],
    ) -> impl Future<Output = Result<Vec<Result<(), BoxError>>, BoxError>> + Send;
}

/// Measures the fulfillment queue.
pub trait MeasureQueue: Sync {
    /// The approximate number of messages that wait.
    ///
    /// # Errors
    /// If the queue does not respond.
    fn waiting(&self) -> impl Future<Output = Result<u64, BoxError>> + Send;
}
