//! Orders as stored.

use jiff::Timestamp;
use serde::Deserialize;

use super::ids::{OrderId, OrderNumber, ProductId};
use super::money::Money;
use super::status::Status;
use super::version::Version;

/// An order without its items and history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderSummary {
    /// Its id.
    pub id: OrderId,
    /// Its number, for people.
    pub number: OrderNumber,
    /// Its status.
    pub status: Status,
    /// The name of the customer.
    pub customer_name: String,
    /// The email address of the customer.
    pub customer_email: String,
    /// The total.
    pub total: Money,
    /// The number of lines.
    pub item_count: i32,
    /// Its version.
    pub version: Version,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An order with its items and history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The order itself.
    pub summary: OrderSummary,
    /// Its lines, in the order of the request.
    pub items: Vec<OrderItem>,
    /// Its changes of status and refusals, oldest first.
    pub history: Vec<HistoryEntry>,
}

impl Order {
    /// Whether the history has an entry for every version.
    #[must_use]
    pub fn has_whole_history(&self) -> bool {
        i64::try_from(self.history.len()) == Ok(self.summary.version.get())
    }
}

/// A line of an order, with name and price as they were when it was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderItem {
    /// The product.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// Its unit price.
    pub unit_price: Money,
    /// The quantity.
    pub quantity: i32,
}

/// A change of the status of an order, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HistoryEntry {
    /// The status before; none when the order was placed.
    pub from: Option<Status>,
    /// The status after.
    pub to: Status,
    /// When it changed.
    pub at: Timestamp,
    /// Who changed it: a caller or a function.
    pub actor: String,
    /// The correlation id of the request.
    pub correlation_id: String,
    /// Why the order was refused, if the two statuses are the same.
    pub reason: Option<String>,
}
