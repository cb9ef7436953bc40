//! Creates or replaces a product.

use lambda_http::http::StatusCode;
use waybill::app::{self, CacheProducts, PutProducts};
use waybill::domain::ProductId;
use waybill::http::{self, Incoming, Problem, Reply};

pub(crate) async fn put_product(
    request: Incoming,
    cache: &impl CacheProducts,
    products: &impl PutProducts,
) -> Result<Reply, Problem> {
    let id = request.id(ProductId::parse)?;
    let product = http::read_new_product(&request.json()?)?;
    let precondition = request.precondition()?;
    let put = app::put_product(cache, products, id, &product, precondition).await?;
    Ok(if put.created {
        Reply::product(StatusCode::CREATED, &put.product).at(id.to_string())
    } else {
        Reply::product(StatusCode::OK, &put.product)
    })
}
