//! Gets a product.

use lambda_http::http::StatusCode;
use waybill::app::{self, CacheProducts, Flights, ReadProduct};
use waybill::domain::ProductId;
use waybill::http::{Incoming, Problem, Reply};

pub(crate) async fn get_product(
    request: Incoming,
    flights: &Flights,
    cache: &impl CacheProducts,
    products: &impl ReadProduct,
) -> Result<Reply, Problem> {
    let id = request.id(ProductId::parse)?;
    let product = app::get_product(flights, cache, products, id).await?;
    Ok(Reply::product(StatusCode::OK, &product))
}
