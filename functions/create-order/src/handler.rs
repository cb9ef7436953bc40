//! Places an order.

use lambda_http::http::StatusCode;
use waybill::app::{self, PlaceOrders, SendJobs};
use waybill::http::{self, Incoming, Problem, Reply};

pub(crate) async fn create_order(
    request: Incoming,
    orders: &impl PlaceOrders,
    queue: &impl SendJobs,
) -> Result<Reply, Problem> {
    let body = request.json()?;
    let order = http::read_new_order(&body)?;
    let claim = request.claim(&body)?;
    let created =
        app::create_order(orders, queue, &order, claim.as_ref(), request.context()).await?;
    let reply = Reply::order(StatusCode::CREATED, &created.order)?
        .at(format!("orders/{}", created.order.summary.id));
    Ok(if created.replayed { reply.replayed() } else { reply })
}
