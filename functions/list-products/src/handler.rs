//! Reads the size of the page, reads the page.

use waybill::http::{Incoming, PageSize, Problem, ProductList, Reply, StatusCode};
use waybill::postgres::Database;

pub(crate) async fn list_products(
    request: Incoming,
    database: &Database,
) -> Result<Reply, Problem> {
    let [limit] = request.query(["limit"])?;
    let limit = PageSize::parse(limit)?;
    let products = database.products(limit.get()).await?;
    Ok(Reply::json(StatusCode::OK, &ProductList::new(&products)))
}
