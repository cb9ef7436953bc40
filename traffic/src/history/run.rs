use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::arrivals::Arrivals;
use crate::mix::Mix;
use crate::mode::Mode;

/// The parameters of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The version of the file's form.
    pub version: u32,
    /// The name of the run: a part of its keys, subjects and correlation ids.
    pub name: String,
    /// The seed.
    pub seed: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// The first mode.
    pub mode: Mode,
    /// Requests a second, before the mode changes them.
    pub rate: f64,
    /// The mix.
    pub mix: Mix,
    /// How requests are spread over time.
    pub arrivals: Arrivals,
    /// The most requests in flight.
    pub in_flight: usize,
    /// The number of customers.
    pub customers: usize,
    /// The products.
    pub products: Vec<Product>,
    /// What the gateway does without the service.
    pub ceiling: Option<Ceiling>,
}

impl Run {
    /// The version of the file's form.
    pub const VERSION: u32 = 1;

    /// The subject of a customer.
    #[must_use]
    pub fn subject(&self, customer: usize) -> String {
        format!("traffic-{}-customer-{customer}", self.name)
    }

    /// The idempotency key of an order. The correlation id does not contain it: keys are not logged.
    #[must_use]
    pub fn key(&self, order: u64) -> String {
        format!("key-{}-{order}", self.name)
    }

    /// The correlation id of an order.
    #[must_use]
    pub fn correlation_id(&self, order: u64) -> String {
        format!("traffic-{}-{order}", self.name)
    }

    /// The order with this correlation id, if it is one of this run.
    #[must_use]
    pub fn order_of(&self, correlation_id: &str) -> Option<u64> {
        let rest = correlation_id.strip_prefix("traffic-")?.strip_prefix(self.name.as_str())?;
        rest.strip_prefix('-')?.parse().ok()
    }
}

/// A product of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its stock at the start.
    pub stock: i64,
}

/// What the gateway does with a function that does nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// The request that was measured.
    pub request: String,
    /// The median of one request after the other, in milliseconds.
    pub alone_p50_ms: f64,
    /// How many were sent at once.
    pub parallel: usize,
    /// Answers a second then.
    pub per_second: f64,
}
