//! Gets a product.

use waybill::app;
use waybill::app::ports::{CacheProducts, ReadProducts};
use waybill::cache::Flights;
use waybill::domain::ProductId;
use waybill::http::{Incoming, Problem, Reply, StatusCode};

pub(crate) async fn get_product(
    request: Incoming,
    flights: &Flights,
    cache: &impl CacheProducts,
    products: &impl ReadProducts,
) -> Result<Reply, Problem> {
    let id = request.id(ProductId::parse)?;
    let product = app::get_product(flights, cache, products, id).await?;
    Ok(Reply::product(StatusCode::OK, &product))
}
