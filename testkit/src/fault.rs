//! An AWS endpoint that fails on demand.

use std::ops::Deref;

use tokio::net::TcpListener;

use crate::PATIENCE;

pub use faults::endpoint::Fault;

/// A proxy between clients and an AWS endpoint, until it is dropped.
pub struct Endpoint(faults::endpoint::Endpoint);

impl Endpoint {
    /// Listens on a free port, for the endpoint with the URL `target`.
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self(faults::endpoint::Endpoint::on(listener, target).unwrap())
    }

    /// Waits until the fault has struck this many requests.
    pub async fn struck(&self, times: usize) {
        let strikes = self.0.strikes();
        tokio::time::timeout(PATIENCE, strikes.at_least(times)).await.unwrap();
    }

    /// How many requests the last fault struck.
    #[must_use]
    pub fn strikes(&self) -> usize {
        self.0.strikes().count()
    }
}

impl Deref for Endpoint {
    type Target = faults::endpoint::Endpoint;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
