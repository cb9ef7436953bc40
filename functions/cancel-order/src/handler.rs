//! Cancels an order, optionally only in the version that the caller saw.

use waybill::app::{self, ChangeOrders};
use waybill::domain::{OrderId, Scope};
use waybill::http::{Incoming, Problem, Reply, Route, StatusCode};

pub(crate) const ROUTE: Route = Route { any_of: &[Scope::Write, Scope::Staff], parameters: &[] };

pub(crate) async fn cancel_order(
    request: Incoming,
    orders: &impl ChangeOrders,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    request.no_fields()?;
    let seen = request.if_match()?;
    let order = app::cancel_order(orders, id, seen, request.context()).await?;
    Ok(Reply::order(StatusCode::OK, &order)?)
}
