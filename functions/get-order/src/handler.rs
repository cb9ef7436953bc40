//! Gets an order.

use waybill::app::{self, ReadOrder};
use waybill::domain::OrderId;
use waybill::http::{Incoming, Problem, Reply, StatusCode};

pub(crate) async fn get_order(
    request: Incoming,
    orders: &impl ReadOrder,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let order = app::get_order(orders, id, request.context()).await?;
    Ok(Reply::order(StatusCode::OK, &order)?)
}
