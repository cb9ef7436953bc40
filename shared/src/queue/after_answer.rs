//! Jobs that are sent after the answer.

use super::FulfillmentQueue;
use crate::Error;
use crate::app::{FulfillmentJob, SendJobs};
use crate::lambda::after_answer;

/// Sends each job after the answer: the order is safe once Postgres has it. A failed send is logged,
/// and the relay retries it.
pub struct SendAfterAnswer(&'static FulfillmentQueue);

impl SendAfterAnswer {
    /// Sends to `queue`.
    #[must_use]
    pub fn new(queue: &'static FulfillmentQueue) -> Self {
        Self(queue)
    }
}

impl SendJobs for SendAfterAnswer {
    async fn send(&self, job: &FulfillmentJob) -> Result<(), Error> {
        let (queue, job) = (self.0, job.clone());
        after_answer(async move {
            if let Err(error) = queue.send(&job).await {
                let error = error.chain();
                tracing::error!(error, "failed to send the job; the relay will retry");
            }
        })
        .await;
        Ok(())
    }
}
