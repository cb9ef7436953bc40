//! Gets an order.

use super::context::Context;
use crate::Error;
use crate::domain::{Order, OrderId, Visible};

/// Reads an order. Every call says which orders the caller may see.
pub trait ReadOrder: Sync {
    /// The order `id` with its items and history, if it is visible.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn order(
        &self,
        visible: Visible<'_>,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<Order>, Error>> + Send;
}

/// Gets order `id` of the caller, or any order for staff, with its items and history.
///
/// # Errors
/// [`Error::OrderNotFound`], also for an order of another owner, or the error of the store.
pub async fn get_order(
    orders: &impl ReadOrder,
    id: OrderId,
    context: &Context,
) -> Result<Order, Error> {
    orders.order(Visible::to(&context.caller), id).await?.ok_or(Error::OrderNotFound)
}
