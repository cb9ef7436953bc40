//! One read at a time: whoever misses a product while somebody reads it waits for that read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::Error;
use crate::app::ports::Cached;
use crate::domain::ProductId;

type Flight = Arc<OnceCell<Result<Cached, Error>>>;

/// The reads that this process has under way, so that a product that many miss at once is read once.
#[derive(Default)]
pub struct Flights(Mutex<HashMap<ProductId, Flight>>);

impl Flights {
    /// What `read` answers, or what the read of `id` answers that is under way. An error is shared
    /// with those who wait for it and with nobody after them. If whoever reads goes away, one of
    /// those who wait reads instead.
    ///
    /// # Errors
    /// What the read answered.
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
        // By now it may be the next one's.
        if under_way.get(&id).is_some_and(|other| Arc::ptr_eq(other, &flight)) {
            under_way.remove(&id);
        }
        drop(under_way);
        match answer {
            Ok(cached) => Ok(cached.clone()),
            Err(error) => Err(error.shared()),
        }
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<ProductId, Flight>> {
        // Nothing is done under the lock that could leave it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
