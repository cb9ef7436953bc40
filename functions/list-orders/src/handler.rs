//! Reads the size of the page, reads the page.

use waybill::app;
use waybill::app::ports::ReadOrders;
use waybill::http::{Incoming, OrderList, PageSize, Problem, Reply, StatusCode};

pub(crate) async fn list_orders(
    request: Incoming,
    orders: &impl ReadOrders,
) -> Result<Reply, Problem> {
    let [limit] = request.query(["limit"])?;
    let limit = PageSize::parse(limit)?;
    let orders = app::list_orders(orders, limit.get(), request.context()).await?;
    Ok(Reply::json(StatusCode::OK, &OrderList::new(&orders)))
}
