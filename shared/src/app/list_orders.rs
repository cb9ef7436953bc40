//! Reads a page of orders.

use super::Context;
use super::ports::{ReadOrders, Visible};
use crate::Error;
use crate::domain::OrderSummary;

/// The caller's newest orders, or everybody's for staff, at most `limit`.
///
/// # Errors
/// What the store answers.
pub async fn list_orders(
    orders: &impl ReadOrders,
    limit: u8,
    context: &Context,
) -> Result<Vec<OrderSummary>, Error> {
    orders.orders(Visible::to(&context.caller), limit).await
}
