//! Reads the id, reads the order.

use waybill::app::ports::ReadOrders;
use waybill::domain::OrderId;
use waybill::http::{Incoming, OrderBody, Problem, Reply, StatusCode};
use waybill::{Error, app};

pub(crate) async fn get_order(
    request: Incoming,
    orders: &impl ReadOrders,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let order = app::get_order(orders, id, request.context()).await?;
    let body = OrderBody::new(&order).map_err(Error::from)?;
    Ok(Reply::json(StatusCode::OK, &body).of_version(order.summary.version))
}
