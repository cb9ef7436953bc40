//! Reads the id and the version that the caller saw, if any; cancels.

use waybill::app::ports::ChangeOrders;
use waybill::domain::OrderId;
use waybill::http::{Incoming, OrderBody, Problem, Reply, StatusCode};
use waybill::{Error, app};

pub(crate) async fn cancel_order(
    request: Incoming,
    orders: &impl ChangeOrders,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let seen = request.if_match()?;
    let order = app::cancel_order(orders, id, seen, request.context()).await?;
    let body = OrderBody::new(&order).map_err(Error::from)?;
    Ok(Reply::json(StatusCode::OK, &body).of_version(order.summary.version))
}
