//! Orders as they are stored.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Money, OrderId, OrderNumber, ProductId, Status};

/// An order without what hangs on it: a line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderSummary {
    /// Its identity.
    pub id: OrderId,
    /// Its name for people.
    pub number: OrderNumber,
    /// Where it is in its life.
    pub status: Status,
    /// Who receives it.
    pub customer_name: String,
    /// Where to write to.
    pub customer_email: String,
    /// What all of it costs.
    pub total: Money,
    /// How many lines it has.
    pub item_count: i32,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An order with its items and its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The order itself.
    pub summary: OrderSummary,
    /// What was ordered, in the order of the request.
    pub items: Vec<OrderItem>,
    /// Every status that it went through, and every refusal, oldest first.
    pub history: Vec<HistoryEntry>,
}

impl Order {
    /// Whether the history tells of every version up to the present one.
    #[must_use]
    pub fn has_whole_history(&self) -> bool {
        i64::try_from(self.history.len()) == Ok(self.summary.version)
    }
}

/// A line of an order, with the product's name and price as they were when it was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderItem {
    /// Which product.
    pub product_id: ProductId,
    /// Its name then.
    pub name: String,
    /// The price of one then.
    pub unit_price: Money,
    /// How many.
    pub quantity: i32,
}

/// One change of an order's status, or why there was none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HistoryEntry {
    /// The status before; none for the placing of the order.
    pub from: Option<Status>,
    /// The status since.
    pub to: Status,
    /// When.
    pub at: Timestamp,
    /// Who did it: a caller, or a function of the service.
    pub actor: String,
    /// The request that asked for it.
    pub correlation_id: String,
    /// Why nothing changed, of an entry that goes from a status to the same one.
    pub reason: Option<String>,
}
