//! Gets an order.

use super::Context;
use crate::Error;
use crate::domain::{Order, OrderId, OrderQuery, OrderSummary, Page, Visible};

/// Reads orders. Every query takes the owner as an argument, so it can't be forgotten.
pub trait ReadOrders: Sync {
    /// The order `id` with its items and history, if it is visible.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn order(
        &self,
        visible: Visible<'_>,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<Order>, Error>> + Send;

    /// A page of the visible orders that match `query`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn orders(
        &self,
        visible: Visible<'_>,
        query: &OrderQuery,
    ) -> impl Future<Output = Result<Page<OrderSummary>, Error>> + Send;
}

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
