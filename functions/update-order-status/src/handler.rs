//! Changes the status of an order.

use lambda_http::http::StatusCode;
use waybill::app::{self, ChangeOrders};
use waybill::domain::OrderId;
use waybill::http::{self, Incoming, Problem, Reply};

pub(crate) async fn update_order_status(
    request: Incoming,
    orders: &impl ChangeOrders,
) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let status = http::read_new_status(&request.json()?)?;
    let seen = request.required_if_match()?;
    let order = app::update_order_status(orders, id, status, seen, request.context()).await?;
    Ok(Reply::order(StatusCode::OK, &order)?)
}
