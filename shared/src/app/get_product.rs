//! Reads one product, through the cache.

use super::ports::{CacheProducts, Cached, ReadProducts};
use crate::Error;
use crate::domain::{Product, ProductId};

/// The product `id`, from the cache if it knows, else from the store, filling the cache with what
/// that said.
///
/// # Errors
/// [`Error::ProductNotFound`], or what the store answers.
pub async fn get_product(
    cache: &impl CacheProducts,
    products: &impl ReadProducts,
    id: ProductId,
) -> Result<Product, Error> {
    let cached = match cache.recall(&[id]).await.remove(&id) {
        Some(cached) => cached,
        None => {
            let read = products.product(id).await?.map_or(Cached::Missing, Cached::Found);
            cache.remember(id, read.clone()).await;
            read
        }
    };
    match cached {
        Cached::Found(product) => Ok(product),
        Cached::Missing => Err(Error::ProductNotFound),
    }
}
