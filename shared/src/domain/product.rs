//! What is for sale.

use jiff::Timestamp;

use super::{Money, ProductId};

/// A product as the shop describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its identity.
    pub id: ProductId,
    /// What it is called.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// How many can still be sold. From the cache this is up to the cache's lifetime old.
    pub stock: i32,
    /// Whether it can be ordered.
    pub active: bool,
    /// Counts changes by staff; of two copies the one with the higher version is the newer.
    pub version: i64,
    /// When staff last changed it.
    pub updated_at: Timestamp,
}
