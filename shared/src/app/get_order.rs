//! Reads one order.

use super::Context;
use super::ports::{ReadOrders, Visible};
use crate::Error;
use crate::domain::{Order, OrderId};

/// The caller's order `id`, or anybody's for staff, with its items and its history.
///
/// # Errors
/// [`Error::OrderNotFound`], also for an order of somebody else, or what the store answers.
pub async fn get_order(
    orders: &impl ReadOrders,
    id: OrderId,
    context: &Context,
) -> Result<Order, Error> {
    orders.order(Visible::to(&context.caller), id).await?.ok_or(Error::OrderNotFound)
}
