//! Reads a page of orders.

use super::Context;
use super::ports::{ReadOrders, Visible};
use crate::Error;
use crate::domain::{OrderQuery, OrderSummary, Page};

/// The page of the caller's orders that `query` asks for, or of everybody's for staff.
///
/// # Errors
/// What the store answers.
pub async fn list_orders(
    orders: &impl ReadOrders,
    query: &OrderQuery,
    context: &Context,
) -> Result<Page<OrderSummary>, Error> {
    orders.orders(Visible::to(&context.caller), query).await
}
