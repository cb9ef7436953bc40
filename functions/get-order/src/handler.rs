//! Reads the id, reads the order.

use waybill::Error;
use waybill::domain::OrderId;
use waybill::http::{Incoming, OrderBody, Problem, Reply, StatusCode};
use waybill::postgres::Database;

pub(crate) async fn get_order(request: Incoming, database: &Database) -> Result<Reply, Problem> {
    let id = request.id(OrderId::parse)?;
    let order = database.order(&request.context().owner, id).await?;
    let order = order.ok_or(Error::OrderNotFound)?;
    let body = OrderBody::new(&order).map_err(Error::from)?;
    Ok(Reply::json(StatusCode::OK, &body))
}
