//! The optional warehouse: an external service that packs orders.

mod client;
mod signature;

use crate::app::{DeadLetters, FulfillmentJob, NoWarehouse, Offer, Warehouse};
use crate::config::WarehouseConfig;
use crate::queue::{DeadLetterQueue, FulfillmentQueue};
use crate::{BoxError, Error};

use client::Client;

/// The configured warehouse, or none.
pub struct OptionalWarehouse(Option<External>);

struct External {
    client: Box<Client>,
    dead_letters: DeadLetterQueue,
}

impl OptionalWarehouse {
    /// The configured warehouse, if any. Opens no connection before the first offer.
    ///
    /// # Errors
    /// If the URL or the secret is invalid, which `config` rules out.
    pub fn new(
        config: Option<WarehouseConfig>,
        queue: &FulfillmentQueue,
    ) -> Result<Self, BoxError> {
        let Some(config) = config else { return Ok(Self(None)) };
        let dead_letters = queue.dead_letters(config.dead_letter_queue_url.clone());
        let client = Box::new(Client::new(config)?);
        Ok(Self(Some(External { client, dead_letters })))
    }
}

impl Warehouse for OptionalWarehouse {
    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    async fn offer(&self, job: &FulfillmentJob) -> Offer {
        match &self.0 {
            None => NoWarehouse.offer(job).await,
            Some(External { client, .. }) => client.offer(job).await,
        }
    }
}

impl DeadLetters for OptionalWarehouse {
    async fn lay_aside(&self, body: &str, reason: &str) -> Result<(), Error> {
        match &self.0 {
            None => NoWarehouse.lay_aside(body, reason).await,
            Some(External { dead_letters, .. }) => dead_letters.lay_aside(body, reason).await,
        }
    }
}
