//! How often a fault struck.

use std::sync::Arc;

use tokio::sync::watch;

/// A counter. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Strikes(Arc<watch::Sender<usize>>);

impl Strikes {
    pub(crate) fn add(&self, times: usize) {
        self.0.send_modify(|count| *count += times);
    }

    /// How often it struck so far.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until it struck this often.
    pub async fn at_least(&self, times: usize) {
        // The counter can't be closed while `self` exists.
        let _ = self.0.subscribe().wait_for(|&count| count >= times).await;
    }
}
