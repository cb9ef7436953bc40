//! Gets an order.

use waybill::app;
use waybill::app::ports::ReadOrders;
use waybill::domain::OrderId;
use waybill::http::{Incoming, Problem, Reply, StatusCode};

pub(crate) async fn get_order(
    request: Incoming,
    orders: &impl ReadOrders,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let order = app::get_order(orders, id, request.context()).await?;
    Ok(Reply::order(StatusCode::OK, &order)?)
}
