//! Gets a product through the cache.

use super::flights::Flights;
use super::product_cache::{CacheProducts, Cached};
use crate::Error;
use crate::domain::{Product, ProductId};

/// Reads a product from the database.
pub trait ReadProduct: Sync {
    /// The product, or none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn product(&self, id: ProductId)
    -> impl Future<Output = Result<Option<Product>, Error>> + Send;
}

/// Gets product `id` from the cache, or else from the store, and fills the cache. Concurrent calls
/// for the same product share one read.
///
/// # Errors
/// [`Error::ProductNotFound`], or the error of the store.
pub async fn get_product(
    flights: &Flights,
    cache: &impl CacheProducts,
    products: &impl ReadProduct,
    id: ProductId,
) -> Result<Product, Error> {
    let read = async || {
        if let Some(cached) = cache.recall(&[id]).await.remove(&id) {
            return Ok(cached);
        }
        let read = products.product(id).await?.map_or(Cached::Missing, Cached::Found);
        cache.remember(id, read.clone()).await;
        Ok(read)
    };
    match flights.join(id, read).await? {
        Cached::Found(product) => Ok(product),
        Cached::Missing => Err(Error::ProductNotFound),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// A cache that keeps nothing.
    struct NoCache;

    impl CacheProducts for NoCache {
        async fn recall(&self, _: &[ProductId]) -> HashMap<ProductId, Cached> {
            HashMap::new()
        }

        async fn remember(&self, _: ProductId, _: Cached) {}
    }

    /// A store that counts its calls, and answers once all callers wait.
    #[derive(Default)]
    struct Store {
        asked: AtomicUsize,
        down: bool,
    }

    impl ReadProduct for Store {
        async fn product(&self, _: ProductId) -> Result<Option<Product>, Error> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            if self.down {
                return Err(Error::unavailable("Postgres", "nobody is there"));
            }
            Ok(None)
        }
    }

    async fn fifty_reads(flights: &Flights, store: &Store, ids: u128) -> Vec<Error> {
        let reads = (0..50)
            .map(|n| get_product(flights, &NoCache, store, uuid::Uuid::from_u128(n % ids).into()));
        join_all(reads).await.into_iter().map(Result::unwrap_err).collect()
    }

    #[tokio::test]
    async fn fifty_reads_of_one_product_at_once_ask_the_store_once() {
        let (flights, store) = (Flights::default(), Store::default());
        let answers = fifty_reads(&flights, &store, 1).await;
        assert!(answers.iter().all(|error| matches!(error, Error::ProductNotFound)));
        assert_eq!(store.asked.load(Ordering::Relaxed), 1);
        // Five products take five reads, and no read outlives its callers.
        fifty_reads(&flights, &store, 5).await;
        assert_eq!(store.asked.load(Ordering::Relaxed), 6);
    }

    #[tokio::test]
    async fn an_error_is_shared_by_those_who_wait_for_it_and_not_kept() {
        let (flights, store) = (Flights::default(), Store { down: true, ..Store::default() });
        for asked in 1..=2 {
            for error in fifty_reads(&flights, &store, 1).await {
                assert!(error.retryable(), "{error:?}");
                assert_eq!(error.chain(), "Postgres is unavailable: nobody is there");
            }
            assert_eq!(store.asked.load(Ordering::Relaxed), asked);
        }
    }

    #[tokio::test]
    async fn if_the_reader_goes_away_another_one_reads() {
        let (flights, store) = (Flights::default(), Store::default());
        let id = uuid::Uuid::from_u128(1).into();
        let mut first = Box::pin(get_product(&flights, &NoCache, &store, id));
        let mut second = Box::pin(get_product(&flights, &NoCache, &store, id));
        // The second waits for the read of the first.
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        assert!(matches!(second.await, Err(Error::ProductNotFound)));
        assert_eq!(store.asked.load(Ordering::Relaxed), 2);
    }
}
