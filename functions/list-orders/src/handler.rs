//! Lists orders.

use waybill::app::{self, ListOrders};
use waybill::http::{self, CursorKey, Incoming, Problem, Reply};

pub(crate) async fn list_orders(
    request: Incoming,
    cursors: &CursorKey,
    orders: &impl ListOrders,
) -> Result<Reply, Problem> {
    let list = http::read_order_list(&request, cursors)?;
    let page = app::list_orders(orders, list.query(), request.context()).await?;
    Ok(list.reply(&page))
}
