use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the service had after the traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// How long it took until queue and outbox were empty, in milliseconds.
    pub drained_ms: u64,
    /// What was not drained in time, in words.
    pub not_drained: Option<String>,
    /// The orders of the run's customers, by the API.
    pub orders: Vec<ObservedOrder>,
    /// The run's products, by Postgres: the API's stock may be minutes old.
    pub products: Vec<ObservedProduct>,
    /// Orders of the run with rows in the outbox.
    pub in_outbox: BTreeSet<Uuid>,
    /// The orders in events, by the name of the event.
    pub events: BTreeMap<String, BTreeSet<Uuid>>,
    /// What does not add up in the database.
    pub discrepancies: Vec<String>,
    /// What could not be observed, in words.
    pub failures: Vec<String>,
}

/// An order as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedOrder {
    /// Its id.
    pub id: Uuid,
    /// The customer who sees it.
    pub customer: usize,
    /// Its status.
    pub status: String,
    /// Its total.
    pub total_minor: i64,
    /// The correlation id of the request that placed it; only read for orders that the history lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// A product as Postgres has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedProduct {
    /// The product.
    pub product: usize,
    /// Its stock.
    pub stock: i64,
}
