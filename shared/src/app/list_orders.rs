//! Lists orders.

use super::Context;
use super::get_order::ReadOrders;
use crate::Error;
use crate::domain::{OrderQuery, OrderSummary, Page, Visible};

/// Lists a page of the caller's orders, or of everyone's for staff.
///
/// # Errors
/// The error of the store.
pub async fn list_orders(
    orders: &impl ReadOrders,
    query: &OrderQuery,
    context: &Context,
) -> Result<Page<OrderSummary>, Error> {
    orders.orders(Visible::to(&context.caller), query).await
}
