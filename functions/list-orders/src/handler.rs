//! Reads the size of the page, reads the page.

use waybill::app;
use waybill::app::ports::ReadOrders;
use waybill::domain::Scope;
use waybill::http::{Incoming, OrderList, PageSize, Problem, Reply, StatusCode};

/// What a caller's token must have one of.
pub(crate) const ANY_OF: [Scope; 2] = [Scope::Read, Scope::Staff];

pub(crate) async fn list_orders(
    request: Incoming,
    orders: &impl ReadOrders,
) -> Result<Reply, Problem> {
    let [limit] = request.query(["limit"])?;
    let limit = PageSize::parse(limit)?;
    let orders = app::list_orders(orders, limit.get(), request.context()).await?;
    Ok(Reply::json(StatusCode::OK, &OrderList::new(&orders)))
}
