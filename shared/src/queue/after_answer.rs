//! Jobs that are sent after the answer.

use super::FulfillmentQueue;
use crate::Error;
use crate::app::{FulfillmentJob, SendJobs, send_job};
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
        after_answer(async move { send_job(queue, &job).await }).await;
        Ok(())
    }
}
