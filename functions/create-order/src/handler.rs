//! Reads the order, places it, says where it is.

use waybill::app::ports::{CacheProducts, PlaceOrders, SendJobs};
use waybill::http::{self, Incoming, OrderBody, Problem, Reply, StatusCode};
use waybill::{Error, app};

pub(crate) async fn create_order(
    request: Incoming,
    cache: &impl CacheProducts,
    orders: &impl PlaceOrders,
    queue: &impl SendJobs,
) -> Result<Reply, Problem> {
    let body = request.json()?;
    let order = http::read_new_order(&body)?;
    let claim = request.claim(&body)?;
    let created =
        app::create_order(cache, orders, queue, &order, claim.as_ref(), request.context()).await?;
    let order = &created.order.summary;
    let body = OrderBody::new(&created.order).map_err(Error::from)?;
    let reply = Reply::json(StatusCode::CREATED, &body)
        .at(format!("/orders/{}", order.id))
        .of_version(order.version);
    Ok(if created.replayed { reply.replayed() } else { reply })
}
