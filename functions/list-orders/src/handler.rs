//! Reads the size of the page, reads the page.

use waybill::http::{Incoming, OrderList, PageSize, Problem, Reply, StatusCode};
use waybill::postgres::Database;

pub(crate) async fn list_orders(request: Incoming, database: &Database) -> Result<Reply, Problem> {
    let [limit] = request.query(["limit"])?;
    let limit = PageSize::parse(limit)?;
    let orders = database.orders(&request.context().owner, limit.get()).await?;
    Ok(Reply::json(StatusCode::OK, &OrderList::new(&orders)))
}
