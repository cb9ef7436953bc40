//! Pages of products, in this process's memory alone: one in DynamoDB would have to be found and
//! thrown away with every change of any product on it.

use std::sync::Arc;

use moka::sync::Cache;

use super::memory::LIFETIME;
use crate::domain::Product;

/// How many pages are kept: one for each size.
const CAPACITY: u64 = 100;

/// Remembers pages for three seconds, so that a busy process asks Postgres that often and not more.
pub struct PageCache(Cache<u8, Arc<[Product]>>);

impl Default for PageCache {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(LIFETIME).build())
    }
}

impl PageCache {
    /// The page of this size, if it is remembered.
    pub(crate) fn recall(&self, limit: u8) -> Option<Arc<[Product]>> {
        self.0.get(&limit)
    }

    /// Remembers the page of this size.
    pub(crate) fn remember(&self, limit: u8, page: Arc<[Product]>) {
        self.0.insert(limit, page);
    }
}
