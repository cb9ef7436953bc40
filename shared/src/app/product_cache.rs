//! What use cases need from a cache of products.

use std::collections::HashMap;

use crate::domain::{Product, ProductId, Version};

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
    /// Its version. The higher is the newer; none, of a missing product, is the lowest.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match self {
            Self::Found(product) => Some(product.version),
            Self::Missing => None,
        }
    }
}
