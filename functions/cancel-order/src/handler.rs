//! Reads the id and the version that the caller saw, if any; cancels.

use waybill::app;
use waybill::app::ports::ChangeOrders;
use waybill::domain::{OrderId, Scope};
use waybill::http::{Incoming, Problem, Reply, StatusCode};

/// What a caller's token must have one of.
pub(crate) const ANY_OF: [Scope; 2] = [Scope::Write, Scope::Staff];

pub(crate) async fn cancel_order(
    request: Incoming,
    orders: &impl ChangeOrders,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let seen = request.if_match()?;
    let order = app::cancel_order(orders, id, seen, request.context()).await?;
    Ok(Reply::order(StatusCode::OK, &order)?)
}
