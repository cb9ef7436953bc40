//! What the use cases need from the world: one narrow trait for each capability.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use crate::app::{Context, FulfillmentJob};
use crate::domain::{
    Caller, Currency, IdempotencyKey, NewOrder, NewProduct, Order, OrderId, OrderLine, OrderQuery,
    OrderSummary, Owner, Page, Product, ProductId, ProductQuery, Scope, Seen, Status,
};
use crate::error::OwnerLimit;
use crate::{BoxError, Error};

/// Stores new orders.
pub trait PlaceOrders: Sync {
    /// Places `order` under `id` whole, with its stock reserved, its history begun, its key claimed
    /// and its outbox filled, or writes nothing. Placing the same id again answers with what was
    /// stored the first time.
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

/// What became of an attempt to place an order.
#[derive(Debug)]
pub enum Placement {
    /// It is stored.
    Placed(Order),
    /// It was stored before, under the same key; this is it, as it was when it was placed.
    Replayed(Order),
    /// Its key was used before, with another request.
    KeyReused,
    /// A request with its key is in progress.
    KeyInFlight,
    /// Not all of it is in stock; this is what was found for each line.
    Refused(Vec<FoundLine>),
    /// Its number, or its id, belongs to another order.
    NumberTaken,
    /// Its owner has placed as many orders as one owner may.
    OwnerLimit(OwnerLimit),
}

/// What a request claims its idempotency key for.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The key; it belongs to the caller and to this route.
    pub key: IdempotencyKey,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// A line of a refused order, and the product as it was found.
#[derive(Debug)]
pub struct FoundLine {
    /// What was asked for.
    pub line: OrderLine,
    /// None if no such product is for sale.
    pub product: Option<FoundProduct>,
}

/// As much of a product as a refusal tells of.
#[derive(Debug)]
pub struct FoundProduct {
    /// What it is called.
    pub name: String,
    /// What its price is in.
    pub currency: Currency,
    /// How many are left.
    pub stock: i32,
}

/// Reads orders. Whose is an argument of every query, so that forgetting it does not compile.
pub trait ReadOrders: Sync {
    /// The order `id`, with its items and its history, if there is one among those.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn order(
        &self,
        visible: Visible<'_>,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<Order>, Error>> + Send;

    /// The page of the list of those that `query` asks for.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn orders(
        &self,
        visible: Visible<'_>,
        query: &OrderQuery,
    ) -> impl Future<Output = Result<Page<OrderSummary>, Error>> + Send;
}

/// Changes what orders are.
pub trait ChangeOrders: Sync {
    /// Takes the order `id` to `status`, if it is in one from which it may go there and has the
    /// version `seen`, if one is given. A cancelled order gives its stock back.
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

/// Whose orders a query may see or touch.
#[derive(Clone, Copy, Debug)]
pub enum Visible<'a> {
    /// One owner's.
    Of(&'a Owner),
    /// Everybody's: for staff.
    All,
}

impl<'a> Visible<'a> {
    /// What `caller` may see: everything as staff, and their own otherwise.
    #[must_use]
    pub fn to(caller: &'a Caller) -> Self {
        if caller.has_any(&[Scope::Staff]) { Self::All } else { Self::Of(caller.subject()) }
    }

    /// The one owner, or none for everybody's.
    #[must_use]
    pub fn owner(self) -> Option<&'a Owner> {
        match self {
            Self::Of(owner) => Some(owner),
            Self::All => None,
        }
    }
}

/// An order that was to be changed.
#[derive(Debug)]
pub struct Change {
    /// As it is now.
    pub order: Order,
    /// Whether it was changed.
    pub made: bool,
}

/// Confirms orders that fulfilment took.
pub trait ConfirmOrders: Sync {
    /// Confirms those of `jobs` that are pending, and says what each was before; an order that does
    /// not exist is not in the answer.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; then none was confirmed, as far as is known.
    fn confirm(
        &self,
        jobs: &[FulfillmentJob],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;
}

/// Keeps orders that fulfilment can't have.
pub trait RefuseOrders: Sync {
    /// What those of `ids` are that exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn statuses(
        &self,
        ids: &[OrderId],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;

    /// Writes the reason into the history of each order that is pending, unless it is its last entry
    /// already, and keeps its job from being sent again. Says what each order is; of one that is not
    /// in the answer nothing was written.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; then nothing was written, as far as is known.
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
    /// Why, in at most 500 characters, and nothing personal.
    pub reason: String,
}

/// Whoever packs what was ordered, if that is somebody else.
pub trait Warehouse: Sync {
    /// Whether there is one. If not, every order counts as accepted, and nobody is asked.
    fn is_there(&self) -> bool;

    /// Offers it one order, trying again within a bound. Who offers the same order twice has offered
    /// it once.
    fn offer(&self, job: &FulfillmentJob) -> impl Future<Output = Offer> + Send;
}

/// What a warehouse makes of an order.
#[derive(Debug)]
pub enum Offer {
    /// It takes it.
    Accepted,
    /// It does not, and asking again would not change that. The reason holds nothing personal.
    Refused(String),
    /// Not known: it did not answer, or not now, or not in a way that makes sense.
    Unanswered(BoxError),
}

/// Lays messages aside for a person.
pub trait DeadLetters: Sync {
    /// Lays aside what a message said, and why.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn lay_aside(&self, body: &str, reason: &str)
    -> impl Future<Output = Result<(), Error>> + Send;
}

/// No warehouse: what is ordered is fulfilled as soon as its job has arrived.
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
    /// Nobody refuses anything.
    async fn lay_aside(&self, _: &str, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// Reads products from where they are true.
pub trait ReadProducts: Sync {
    /// One product, or none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn product(&self, id: ProductId)
    -> impl Future<Output = Result<Option<Product>, Error>> + Send;

    /// The page of products that can be ordered that `query` asks for.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn products(
        &self,
        query: &ProductQuery,
    ) -> impl Future<Output = Result<Page<Product>, Error>> + Send;
}

/// Changes what is for sale.
pub trait PutProducts: Sync {
    /// Makes the product `id` what `product` says, if `precondition` holds at that moment. What was
    /// sold or given back since the caller saw its stock stays so.
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

/// What must be so for a product to be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// There is none yet.
    Absent,
    /// It has the version that somebody saw.
    Unchanged(Seen),
}

/// What became of an attempt to put a product.
#[derive(Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new, and this.
    Created(Product),
    /// It was there, and is this now.
    Replaced(Product),
    /// Nothing was written; this is what was found, if anything could be seen of it.
    Refused(Option<Product>),
}

/// Remembers products for a while. It can cost an answer time, and never the answer: what fails is
/// logged, and taken as not remembered.
pub trait CacheProducts: Sync {
    /// What is remembered of `ids`; one that is not in the answer is not remembered.
    fn recall(&self, ids: &[ProductId]) -> impl Future<Output = HashMap<ProductId, Cached>> + Send;

    /// Remembers this of `id`, unless something newer is remembered.
    fn remember(&self, id: ProductId, cached: Cached) -> impl Future<Output = ()> + Send;
}

/// What a cache knows of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cached {
    /// It is this one.
    Found(Product),
    /// There is none.
    Missing,
}

impl Cached {
    /// Of two things that are known of one product, the one with the higher version is the newer.
    /// That there is none is older than any version.
    #[must_use]
    pub fn version(&self) -> i64 {
        match self {
            Self::Found(product) => product.version,
            Self::Missing => 0,
        }
    }
}

/// Keeps what must leave the database until it has left.
pub trait KeepOutbox: Sync {
    /// Takes up to `limit` events that are due, the oldest first, for as long as a lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn claim_events(
        &self,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<Message<Event>>, Error>> + Send;

    /// Takes up to `limit` of these jobs that are due, the oldest first, for as long as a lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn claim_jobs(
        &self,
        jobs: Jobs,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<Message<Job>>, Error>> + Send;

    /// Says what became of messages that were claimed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; then all are due again after their lease.
    fn settle(&self, settled: &Settled) -> impl Future<Output = Result<(), Error>> + Send;

    /// Forgets some of the idempotency keys that are older than they are kept, and says how many. It
    /// waits for nobody: a key that somebody else has locked is left for the next time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn forget_old_keys(&self) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// Which jobs a relay asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// Those that no relay has sent, and that have been due for so long.
    Unsent {
        /// Zero for all that are due.
        overdue: Duration,
    },
    /// Those that a relay has sent, or tried to send, before.
    SentBefore,
}

/// What became of messages that were claimed. One that is not in here is due again after its lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// They are done with, and are forgotten.
    pub done: Vec<Uuid>,
    /// They were tried, and are due again after so long.
    pub again: Vec<(Uuid, Duration)>,
    /// They were not tried, and are due as they were.
    pub untried: Vec<Uuid>,
}

/// What must leave the database. Its kind is a type, so that no job ends on the bus, and no event in
/// the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<K> {
    /// Its own identity: a job has its order's.
    pub id: Uuid,
    /// What it is.
    pub kind: K,
    /// What it says, as JSON.
    pub body: String,
    /// Follows the request that caused it.
    pub correlation_id: String,
    /// How often it was tried, this time included.
    pub attempts: i32,
}

/// The kind of a message that is a [`FulfillmentJob`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job;

/// The kind of a message that is an order event, which goes by this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event(pub String);

/// Sends batches of messages of one kind.
pub trait SendBatch<K>: Sync {
    /// How many messages one call takes.
    const LIMIT: usize;

    /// How many bytes one call takes, and so the largest message.
    const MAX_BYTES: usize;

    /// How many of them this message takes.
    fn bytes(message: &Message<K>) -> usize;

    /// Sends messages within both limits, and says for each, in order, whether it left. One that is
    /// refused does not keep back the others.
    ///
    /// # Errors
    /// If the call failed as a whole, or took longer than the invocation has. Whether the messages
    /// left is not known then.
    fn send_batch(
        &self,
        messages: &[Message<K>],
    ) -> impl Future<Output = Result<Vec<Result<(), BoxError>>, BoxError>> + Send;
}

/// Knows how long the fulfillment queue is.
pub trait MeasureQueue: Sync {
    /// About how many messages wait to be received.
    ///
    /// # Errors
    /// If the queue does not answer.
    fn waiting(&self) -> impl Future<Output = Result<u64, BoxError>> + Send;
}

/// Sends fulfilment on its way.
pub trait SendJobs: Sync {
    /// Sends one job, trying again within a bound.
    ///
    /// # Errors
    /// [`Error::Unavailable`], when the bound is reached.
    fn send(&self, job: &FulfillmentJob) -> impl Future<Output = Result<(), Error>> + Send;
}
