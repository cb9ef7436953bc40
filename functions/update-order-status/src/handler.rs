//! Reads the id, the version that the caller saw, and the new status; changes it.

use waybill::app::ports::ChangeOrders;
use waybill::domain::OrderId;
use waybill::http::{self, Incoming, OrderBody, Problem, Reply, StatusCode};
use waybill::{Error, app};

pub(crate) async fn update_order_status(
    request: Incoming,
    orders: &impl ChangeOrders,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let status = http::read_new_status(&request.json()?)?;
    let seen = request.required_if_match()?;
    let order = app::update_order_status(orders, id, status, seen, request.context()).await?;
    let body = OrderBody::new(&order).map_err(Error::from)?;
    Ok(Reply::json(StatusCode::OK, &body).of_version(order.summary.version))
}
