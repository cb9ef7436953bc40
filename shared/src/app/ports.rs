//! What use cases need from outside: one trait for each capability.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use crate::app::{Context, FulfillmentJob};
use crate::domain::{
    Currency, IdempotencyKey, NewOrder, NewProduct, Order, OrderId, OrderLine, OrderQuery,
    OrderSummary, Page, Product, ProductId, ProductQuery, Seen, Status, Visible,
};
use crate::error::OwnerLimit;
use crate::{BoxError, Error};

/// Places orders.
pub trait PlaceOrders: Sync {
    /// Places `order` with id `id`: reserves its stock, writes its history and outbox rows, and
    /// claims its key. Or writes nothing. Placing the same id again returns the stored order.
    ///
    /// # Errors
    /// [`Error::AmountOutOfRange`], [`Error::Unavailable`] or [`Error::Internal`].
    fn place(
        &self,
        id: OrderId,
        order: &NewOrder,
        claim: Option<&Claim>,
        context: &Context,
    ) -> impl Future<Output = Result<Placement, Error>> + Send;
}

/// The outcome of placing an order.
#[derive(Debug)]
pub enum Placement {
    /// It is stored.
    Placed(Order),
    /// An earlier request with the same key stored it; this is the order as it was placed.
    Replayed(Order),
    /// The key was used for another request.
    KeyReused,
    /// A request with the same key is in progress.
    KeyInFlight,
    /// Some products are missing or short; these are the lines with their products.
    Refused(Vec<FoundLine>),
    /// Another order has its number or id.
    NumberTaken,
    /// The owner is at a limit.
    OwnerLimit(OwnerLimit),
}

/// A claim of an idempotency key.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The key, which belongs to this caller and route.
    pub key: IdempotencyKey,
    /// The SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// A line of a refused order, with its product.
#[derive(Debug)]
pub struct FoundLine {
    /// The line.
    pub line: OrderLine,
    /// The product; none if it does not exist or is not for sale.
    pub product: Option<FoundProduct>,
}

/// The part of a product that a refusal needs.
#[derive(Debug)]
pub struct FoundProduct {
    /// The name.
    pub name: String,
    /// The currency of the price.
    pub currency: Currency,
    /// The stock.
    pub stock: i32,
}

/// Reads orders. Every query takes the owner as an argument, so it can't be forgotten.
pub trait ReadOrders: Sync {
    /// The order `id` with its items and history, if it is visible.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn order(
        &self,
        visible: Visible<'_>,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<Order>, Error>> + Send;

    /// A page of the visible orders that match `query`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn orders(
        &self,
        visible: Visible<'_>,
        query: &OrderQuery,
    ) -> impl Future<Output = Result<Page<OrderSummary>, Error>> + Send;
}

/// Changes the status of orders.
pub trait ChangeOrders: Sync {
    /// Changes order `id` to `status`, if its status allows that and its version is `seen`, if
    /// given. Canceling returns the stock.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn change(
        &self,
        visible: Visible<'_>,
        id: OrderId,
        status: Status,
        seen: Option<i64>,
        context: &Context,
    ) -> impl Future<Output = Result<Option<Change>, Error>> + Send;
}

/// An order after an attempt to change it.
#[derive(Debug)]
pub struct Change {
    /// The current order.
    pub order: Order,
    /// Whether it was changed.
    pub made: bool,
}

/// Confirms orders.
pub trait ConfirmOrders: Sync {
    /// Confirms the pending orders of `jobs`, and returns the status that each order had. An order
    /// that does not exist is not in the result.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; none is known to be confirmed then.
    fn confirm(
        &self,
        jobs: &[FulfillmentJob],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;
}

/// Records refusals of orders.
pub trait RefuseOrders: Sync {
    /// The statuses of those orders of `ids` that exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn statuses(
        &self,
        ids: &[OrderId],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;

    /// Adds the reason to the history of each pending order, unless its last entry has it, and
    /// parks its job. Returns the status of each order; nothing was written for one that is not in
    /// the result.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; nothing is known to be written then.
    fn refuse(
        &self,
        refusals: &[Refusal<'_>],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;
}

/// A job whose order was refused.
#[derive(Clone, Debug)]
pub struct Refusal<'a> {
    /// The job.
    pub job: &'a FulfillmentJob,
    /// The reason: at most 500 characters, no personal data.
    pub reason: String,
}

/// The warehouse that packs orders.
pub trait Warehouse: Sync {
    /// Whether there is a warehouse. If not, every order counts as accepted.
    fn is_there(&self) -> bool;

    /// Offers an order, with a bounded number of tries. Offering an order again has no further
    /// effect.
    fn offer(&self, job: &FulfillmentJob) -> impl Future<Output = Offer> + Send;
}

/// The answer of the warehouse to an offer.
#[derive(Debug)]
pub enum Offer {
    /// It accepted the order.
    Accepted,
    /// It refused the order for good. The reason has no personal data.
    Refused(String),
    /// Unknown: there was no answer, or a temporary or unexpected one.
    Unanswered(BoxError),
}

/// Sends jobs to the dead-letter queue.
pub trait DeadLetters: Sync {
    /// Sends the body of a message, with the reason.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn lay_aside(&self, body: &str, reason: &str)
    -> impl Future<Output = Result<(), Error>> + Send;
}

/// No warehouse: every order is accepted.
#[derive(Clone, Copy, Debug)]
pub struct NoWarehouse;

impl Warehouse for NoWarehouse {
    fn is_there(&self) -> bool {
        false
    }

    async fn offer(&self, _: &FulfillmentJob) -> Offer {
        Offer::Accepted
    }
}

impl DeadLetters for NoWarehouse {
    /// Never called: nothing is refused.
    async fn lay_aside(&self, _: &str, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// Reads products from the database.
pub trait ReadProducts: Sync {
    /// The product, or none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn product(&self, id: ProductId)
    -> impl Future<Output = Result<Option<Product>, Error>> + Send;

    /// A page of the products for sale that match `query`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn products(
        &self,
        query: &ProductQuery,
    ) -> impl Future<Output = Result<Page<Product>, Error>> + Send;
}

/// Puts products.
pub trait PutProducts: Sync {
    /// Creates or replaces product `id` if `precondition` holds. Stock that was sold or returned
    /// since the caller saw it stays so.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn put(
        &self,
        id: ProductId,
        product: &NewProduct,
        precondition: Precondition,
    ) -> impl Future<Output = Result<Put, Error>> + Send;
}

/// The condition for putting a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// It does not exist.
    Absent,
    /// It has the version that was seen.
    Unchanged(Seen),
}

/// The outcome of putting a product.
#[derive(Debug, PartialEq, Eq)]
pub enum Put {
    /// It was created.
    Created(Product),
    /// It was replaced.
    Replaced(Product),
    /// Nothing was written; this is the current product, if it could be read.
    Refused(Option<Product>),
}

/// Caches products. A failure is logged and counts as a miss, so a cache can cost time but never a
/// result.
pub trait CacheProducts: Sync {
    /// The cached entries of `ids`. One that is not in the result is not cached.
    fn recall(&self, ids: &[ProductId]) -> impl Future<Output = HashMap<ProductId, Cached>> + Send;

    /// Caches `id`, unless a newer entry is cached.
    fn remember(&self, id: ProductId, cached: Cached) -> impl Future<Output = ()> + Send;
}

/// A cache entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cached {
    /// The product.
    Found(Product),
    /// The product does not exist.
    Missing,
}

impl Cached {
    /// Whether this is newer: the higher version is, and a missing product is older than any
    /// version.
    #[must_use]
    pub fn version(&self) -> i64 {
        match self {
            Self::Found(product) => product.version,
            Self::Missing => 0,
        }
    }
}

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
    ) -> impl Future<Output = Result<Vec<Message<Job>>, Error>> + Send;

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
    /// The number of tries, including this one.
    pub attempts: i32,
}

/// The kind of a [`FulfillmentJob`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job;

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

/// Sends fulfillment jobs.
pub trait SendJobs: Sync {
    /// Sends a job, with a bounded number of tries.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after the last try.
    fn send(&self, job: &FulfillmentJob) -> impl Future<Output = Result<(), Error>> + Send;
}
