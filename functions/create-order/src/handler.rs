//! Reads the order, places it, says where it is.

use waybill::Error;
use waybill::app;
use waybill::app::ports::{CacheProducts, PlaceOrders, SendJobs};
use waybill::http::{Incoming, OrderBody, Problem, Reply, StatusCode};

pub(crate) async fn create_order(
    request: Incoming,
    cache: &impl CacheProducts,
    orders: &impl PlaceOrders,
    queue: &impl SendJobs,
) -> Result<Reply, Problem> {
    let order = request.new_order()?;
    let order = app::create_order(cache, orders, queue, &order, request.context()).await?;
    let body = OrderBody::new(&order).map_err(Error::from)?;
    Ok(Reply::json(StatusCode::CREATED, &body).at(format!("/orders/{}", order.summary.id)))
}
