//! The types and rules of orders.
//!
//! Nothing here depends on AWS, HTTP or SQL. Values are valid by construction: each type is built
//! only by a function that checks.

mod caller;
mod ids;
mod list;
mod money;
mod new_order;
mod order;
mod product;
mod status;
mod stock;
mod text;
mod version;

pub use caller::{Caller, Scope, Visible};
pub use ids::{CorrelationId, IdempotencyKey, OrderId, OrderNumber, Owner, ProductId};
pub use list::{DateTime, OrderQuery, Page, PageSize, ProductQuery, Search};
pub use money::{AmountOutOfRange, Currency, Money};
pub use new_order::{CustomerEmail, CustomerName, MAX_LINES, NewOrder, OrderLine, Quantity};
pub use order::{HistoryEntry, Order, OrderItem, OrderSummary};
pub use product::{NewProduct, Product, ProductName, Seen};
pub use status::Status;
pub use stock::{Buckets, Stock};
pub use version::Version;
