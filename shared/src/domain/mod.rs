//! Types and rules of the order business.
//!
//! Nothing here knows of AWS, HTTP or SQL. A value of one of these types is valid by construction:
//! each can only be had from a function that checks.

mod caller;
mod ids;
mod list;
mod money;
mod new_order;
mod order;
mod product;
mod status;
mod text;

pub use caller::{Caller, Scope};
pub use ids::{CorrelationId, IdempotencyKey, OrderId, OrderNumber, Owner, ProductId};
pub use list::{Instant, OrderQuery, Page, PageSize, ProductQuery, Search};
pub use money::{AmountOutOfRange, Currency, Money};
pub use new_order::{CustomerEmail, CustomerName, MAX_LINES, NewOrder, OrderLine, Quantity};
pub use order::{HistoryEntry, Order, OrderItem, OrderSummary};
pub use product::{NewProduct, Product, ProductName, Seen};
pub use status::Status;
