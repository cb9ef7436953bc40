//! Cancels an order, optionally only in the version that the caller saw.

use lambda_http::http::StatusCode;
use waybill::app::{self, ChangeOrders};
use waybill::domain::OrderId;
use waybill::http::{Incoming, Problem, Reply};

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
