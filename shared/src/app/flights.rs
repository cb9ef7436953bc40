//! Single flight: concurrent misses of a product share one read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::product_cache::Cached;
use crate::Error;
use crate::domain::ProductId;

type Flight = Arc<OnceCell<Result<Cached, Error>>>;

/// The reads in progress in this process.
#[derive(Default)]
pub struct Flights(Mutex<HashMap<ProductId, Flight>>);

impl Flights {
    /// Runs `read`, or waits for a read of `id` that is in progress. All waiting callers get its
    /// error. If the reading caller is dropped, one of those that wait reads.
    ///
    /// # Errors
    /// The error of the read.
    pub(crate) async fn join<F>(
        &self,
        id: ProductId,
        read: impl FnOnce() -> F,
    ) -> Result<Cached, Error>
    where
        F: Future<Output = Result<Cached, Error>>,
    {
        let flight = Arc::clone(self.under_way().entry(id).or_default());
        let answer = flight.get_or_init(read).await;
        let mut under_way = self.under_way();
        // The entry may already belong to the next read.
        if under_way.get(&id).is_some_and(|other| Arc::ptr_eq(other, &flight)) {
            under_way.remove(&id);
        }
        drop(under_way);
        answer.clone()
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<ProductId, Flight>> {
        // No code under the lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
