//! The optional warehouse: an external service that packs orders.

mod client;
mod signature;

use crate::app::{DeadLetters, FulfillmentJob, NoWarehouse, Offer, Warehouse};
use crate::config::WarehouseConfig;
use crate::queue::{DeadLetterQueue, FulfillmentQueue};
use crate::{BoxError, Error};

use client::Client;

/// The warehouse client, or none.
pub struct Counter(Place);

enum Place {
    Nowhere(NoWarehouse),
    At { client: Box<Client>, dead_letters: DeadLetterQueue },
}

impl Counter {
    /// The configured warehouse, if any. Opens no connection before the first offer.
    ///
    /// # Errors
    /// If the URL or the secret is invalid, which `config` rules out.
    pub fn new(
        config: Option<WarehouseConfig>,
        queue: &FulfillmentQueue,
    ) -> Result<Self, BoxError> {
        let Some(config) = config else { return Ok(Self(Place::Nowhere(NoWarehouse))) };
        let dead_letters = queue.dead_letters(config.dead_letter_queue_url.clone());
        let client = Box::new(Client::new(config)?);
        Ok(Self(Place::At { client, dead_letters }))
    }
}

impl Warehouse for Counter {
    fn is_there(&self) -> bool {
        match &self.0 {
            Place::Nowhere(none) => none.is_there(),
            Place::At { .. } => true,
        }
    }

    async fn offer(&self, job: &FulfillmentJob) -> Offer {
        match &self.0 {
            Place::Nowhere(none) => none.offer(job).await,
            Place::At { client, .. } => client.offer(job).await,
        }
    }
}

impl DeadLetters for Counter {
    async fn lay_aside(&self, body: &str, reason: &str) -> Result<(), Error> {
        match &self.0 {
            Place::Nowhere(none) => none.lay_aside(body, reason).await,
            Place::At { dead_letters, .. } => dead_letters.lay_aside(body, reason).await,
        }
    }
}
