//! Gets an order.

use waybill::app::{self, ReadOrder};
use waybill::domain::{OrderId, Scope};
use waybill::http::{Incoming, Problem, Reply, Route, StatusCode};

pub(crate) const ROUTE: Route = Route { any_of: &[Scope::Read, Scope::Staff], parameters: &[] };

pub(crate) async fn get_order(
    request: Incoming,
    orders: &impl ReadOrder,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let order = app::get_order(orders, id, request.context()).await?;
    Ok(Reply::order(StatusCode::OK, &order)?)
}
