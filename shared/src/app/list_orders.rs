//! Lists orders.

use super::context::Context;
use crate::Error;
use crate::domain::{OrderQuery, OrderSummary, Page, Visible};

/// Lists orders. Every call says which orders the caller may see.
pub trait ListOrders: Sync {
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

/// Lists a page of the caller's orders, or of everyone's for staff.
///
/// # Errors
/// The error of the store.
pub async fn list_orders(
    orders: &impl ListOrders,
    query: &OrderQuery,
    context: &Context,
) -> Result<Page<OrderSummary>, Error> {
    orders.orders(Visible::to(&context.caller), query).await
}
