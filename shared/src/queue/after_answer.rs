//! Jobs that are sent after the answer.

use std::sync::Arc;

use super::FulfillmentQueue;
use crate::Error;
use crate::app::{FulfillmentJob, SendJobs};
use crate::lambda::AfterAnswer;

/// Sends each job after the answer: the order is safe once Postgres has it. A failed send is logged,
/// and the relay retries it.
pub struct SendAfterAnswer {
    queue: Arc<FulfillmentQueue>,
    after_answer: AfterAnswer,
}

impl SendAfterAnswer {
    /// Sends to `queue`.
    #[must_use]
    pub fn new(queue: FulfillmentQueue, after_answer: AfterAnswer) -> Self {
        Self { queue: Arc::new(queue), after_answer }
    }
}

impl SendJobs for SendAfterAnswer {
    async fn send(&self, job: &FulfillmentJob) -> Result<(), Error> {
        let (queue, job) = (Arc::clone(&self.queue), job.clone());
        let send = async move {
            if let Err(error) = queue.send(&job).await {
                let error = error.chain();
                tracing::error!(error, "failed to send the job; the relay will retry");
            }
        };
        self.after_answer.run(send).await;
        Ok(())
    }
}
