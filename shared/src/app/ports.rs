//! What the use cases need from the world: one narrow trait for each capability.

use std::collections::HashMap;

use crate::Error;
use crate::app::{Context, FulfillmentJob};
use crate::domain::{
    Currency, NewOrder, Order, OrderId, OrderLine, OrderSummary, Owner, Product, ProductId, Status,
};

/// Stores new orders.
pub trait PlaceOrders: Sync {
    /// Places `order` under `id` whole, with its stock reserved and its history begun, or writes
    /// nothing. Placing the same id again answers with what was stored the first time.
    ///
    /// # Errors
    /// [`Error::AmountOutOfRange`], [`Error::Unavailable`] or [`Error::Internal`].
    fn place(
        &self,
        id: OrderId,
        order: &NewOrder,
        context: &Context,
    ) -> impl Future<Output = Result<Placement, Error>> + Send;
}

/// What became of an attempt to place an order.
#[derive(Debug)]
pub enum Placement {
    /// It is stored.
    Placed(Order),
    /// Not all of it can be had; this is what was found for each line.
    Refused(Vec<FoundLine>),
    /// Its number belongs to another order of the same day.
    NumberTaken,
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

/// Reads orders. The owner is an argument of every query, so that forgetting it does not compile.
pub trait ReadOrders: Sync {
    /// The order `id` of `owner`, with its items and its history, if there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn order(
        &self,
        owner: &Owner,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<Order>, Error>> + Send;

    /// The newest orders of `owner`, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn orders(
        &self,
        owner: &Owner,
        limit: u8,
    ) -> impl Future<Output = Result<Vec<OrderSummary>, Error>> + Send;
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

/// Reads products from where they are true.
pub trait ReadProducts: Sync {
    /// One product, or none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn product(&self, id: ProductId)
    -> impl Future<Output = Result<Option<Product>, Error>> + Send;

    /// Products that can be ordered, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn products(&self, limit: u8) -> impl Future<Output = Result<Vec<Product>, Error>> + Send;
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

/// Sends fulfilment on its way.
pub trait SendJobs: Sync {
    /// Sends one job, trying again within a bound.
    ///
    /// # Errors
    /// [`Error::Unavailable`], when the bound is reached.
    fn send(&self, job: &FulfillmentJob) -> impl Future<Output = Result<(), Error>> + Send;
}
