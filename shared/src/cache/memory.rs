//! The near tier of the cache: the memory of this process.

use std::collections::HashMap;

use moka::ops::compute::Op;
use moka::sync::Cache;

use crate::app::{CacheProducts, Cached, MEMORY_CAPACITY, MEMORY_LIFETIME};
use crate::domain::ProductId;
use crate::metrics::{Metric, count};

/// Caches products for three seconds, in front of another tier.
pub struct MemoryCache<Behind> {
    entries: Cache<ProductId, Cached>,
    behind: Behind,
}

impl<Behind: CacheProducts> MemoryCache<Behind> {
    /// Puts a memory in front of `behind`.
    pub fn in_front_of(behind: Behind) -> Self {
        let entries =
            Cache::builder().max_capacity(MEMORY_CAPACITY).time_to_live(MEMORY_LIFETIME).build();
        Self { entries, behind }
    }

    /// Keeps the entry unless a newer one is kept: a read that began before a change may end after
    /// it.
    fn keep(&self, id: ProductId, cached: &Cached) {
        self.entries.entry(id).and_compute_with(|kept| match kept {
            Some(kept) if kept.value().version() > cached.version() => Op::Nop,
            _ => Op::Put(cached.clone()),
        });
    }
}

impl<Behind: CacheProducts> CacheProducts for MemoryCache<Behind> {
    async fn recall(&self, ids: &[ProductId]) -> HashMap<ProductId, Cached> {
        let (mut known, mut unknown) = (HashMap::with_capacity(ids.len()), Vec::new());
        for &id in ids {
            match self.entries.get(&id) {
                Some(cached) => _ = known.insert(id, cached),
                None => unknown.push(id),
            }
        }
        count(Metric::MemoryHits, known.len());
        if !unknown.is_empty() {
            for (id, cached) in self.behind.recall(&unknown).await {
                self.keep(id, &cached);
                known.insert(id, cached);
            }
        }
        known
    }

    async fn remember(&self, id: ProductId, cached: Cached) {
        self.keep(id, &cached);
        self.behind.remember(id, cached).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use uuid::Uuid;

    use super::*;

    /// A tier that knows some products to be missing, and records what it is asked.
    #[derive(Default)]
    struct Behind {
        missing: Vec<ProductId>,
        asked: Mutex<Vec<Vec<ProductId>>>,
        told: Mutex<Vec<ProductId>>,
    }

    impl CacheProducts for Behind {
        async fn recall(&self, ids: &[ProductId]) -> HashMap<ProductId, Cached> {
            self.asked.lock().unwrap().push(ids.to_vec());
            let known = ids.iter().filter(|id| self.missing.contains(id));
            known.map(|&id| (id, Cached::Missing)).collect()
        }

        async fn remember(&self, id: ProductId, _: Cached) {
            self.told.lock().unwrap().push(id);
        }
    }

    fn id(number: u128) -> ProductId {
        ProductId::from(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn only_what_is_not_in_memory_is_asked_for_behind_it() {
        let cache =
            MemoryCache::in_front_of(Behind { missing: vec![id(1), id(2)], ..Behind::default() });
        assert_eq!(cache.recall(&[id(1)]).await.len(), 1);
        assert_eq!(cache.recall(&[id(1), id(2), id(3)]).await.len(), 2);
        assert_eq!(*cache.behind.asked.lock().unwrap(), [vec![id(1)], vec![id(2), id(3)]]);
    }

    #[tokio::test]
    async fn what_is_remembered_is_kept_here_and_passed_on() {
        let cache = MemoryCache::in_front_of(Behind::default());
        cache.remember(id(1), Cached::Missing).await;
        assert_eq!(cache.recall(&[id(1)]).await.get(&id(1)), Some(&Cached::Missing));
        assert_eq!(*cache.behind.told.lock().unwrap(), [id(1)]);
        assert!(cache.behind.asked.lock().unwrap().is_empty());
    }
}
