//! Gets an order.

use lambda_http::http::StatusCode;
use waybill::app::{self, ReadOrder};
use waybill::domain::OrderId;
use waybill::http::{Incoming, Problem, Reply};

pub(crate) async fn get_order(
    request: Incoming,
    orders: &impl ReadOrder,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let order = app::get_order(orders, id, request.context()).await?;
    Ok(Reply::order(StatusCode::OK, &order)?)
}
