//! What use cases need from a cache of products.

use std::collections::HashMap;

use crate::domain::{Product, ProductId};

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
