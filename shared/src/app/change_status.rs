//! Cancels orders and changes their status.

use super::context::Context;
use crate::domain::{Order, OrderId, Status, Version, Visible};
use crate::{Error, trace};

/// Changes the status of orders.
pub trait ChangeOrders: Sync {
    /// Changes order `id` to `status`, if its status allows that and its version is `seen`, if
    /// given. Canceling returns the stock.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn change(
        &self,
        visible: Visible<'_>,
        id: OrderId,
        status: Status,
        seen: Option<Version>,
        context: &Context,
    ) -> impl Future<Output = Result<Option<Change>, Error>> + Send;
}

/// An order after an attempt to change it.
#[derive(Debug)]
pub struct Change {
    /// The current order.
    pub order: Order,
    /// Whether it was changed.
    pub made: bool,
}

/// Cancels order `id` of the caller, or any order for staff, and returns its stock once. Canceling
/// a cancelled order succeeds, since the response to an earlier cancel may have been lost.
///
/// # Errors
/// [`Error::OrderNotFound`]; [`Error::IllegalTransition`] if it is too late; or
/// [`Error::VersionMismatch`] if `seen` is given and is neither the order's version nor the version
/// that was canceled.
pub async fn cancel_order(
    orders: &impl ChangeOrders,
    id: OrderId,
    seen: Option<Version>,
    context: &Context,
) -> Result<Order, Error> {
    change(orders, id, Status::Cancelled, seen, context).await
}

/// Changes order `id` of any owner to `status` if its version is still `seen`. Only for staff.
///
/// # Errors
/// [`Error::OrderNotFound`], [`Error::IllegalTransition`] or [`Error::VersionMismatch`].
pub async fn update_order_status(
    orders: &impl ChangeOrders,
    id: OrderId,
    status: Status,
    seen: Version,
    context: &Context,
) -> Result<Order, Error> {
    change(orders, id, status, Some(seen), context).await
}

async fn change(
    orders: &impl ChangeOrders,
    id: OrderId,
    status: Status,
    seen: Option<Version>,
    context: &Context,
) -> Result<Order, Error> {
    tracing::Span::current().record("order_id", id.to_string());
    trace::about_order(&id);
    let visible = Visible::to(&context.caller);
    let change = orders.change(visible, id, status, seen, context).await?;
    let change = change.ok_or(Error::OrderNotFound)?;
    if change.made {
        return Ok(change.order);
    }
    let current = change.order.summary.version;
    let is_cancelled = change.order.summary.status == Status::Cancelled;
    if status == Status::Cancelled && is_cancelled {
        // No change follows a cancel, so it made the current version.
        if seen.is_none_or(|seen| [seen, seen.next()].contains(&current)) {
            return Ok(change.order);
        }
    }
    match seen {
        Some(seen) if seen != current => Err(Error::VersionMismatch { current }),
        _ => Err(Error::IllegalTransition { from: change.order.summary.status, to: status }),
    }
}
