//! Gets an order.

use super::Context;
use super::ports::ReadOrders;
use crate::Error;
use crate::domain::{Order, OrderId, Visible};

/// Gets order `id` of the caller, or any order for staff, with its items and history.
///
/// # Errors
/// [`Error::OrderNotFound`], also for an order of another owner, or the error of the store.
pub async fn get_order(
    orders: &impl ReadOrders,
    id: OrderId,
    context: &Context,
) -> Result<Order, Error> {
    orders.order(Visible::to(&context.caller), id).await?.ok_or(Error::OrderNotFound)
}
