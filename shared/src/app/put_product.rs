//! Creates or replaces a product.

use super::product_cache::{CacheProducts, Cached};
use crate::Error;
use crate::domain::{NewProduct, Product, ProductId, Seen};

/// Puts products.
pub trait PutProducts: Sync {
    /// Creates or replaces product `id` if `precondition` holds. Stock that was sold or returned
    /// since the caller saw it stays so.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn put(
        &self,
        id: ProductId,
        product: &NewProduct,
        precondition: Precondition,
    ) -> impl Future<Output = Result<Put, Error>> + Send;
}

/// The condition for putting a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// It does not exist.
    Absent,
    /// It has the version that was seen.
    Unchanged(Seen),
}

/// The outcome of putting a product.
#[derive(Debug, PartialEq, Eq)]
pub enum Put {
    /// It was created.
    Created(Product),
    /// It was replaced.
    Replaced(Product),
    /// Nothing was written; this is the current product, if it could be read.
    Refused(Option<Product>),
}

/// A product that was put.
#[derive(Debug)]
pub struct PutProduct {
    /// The current product.
    pub product: Product,
    /// Whether it was created.
    pub created: bool,
}

/// Creates or replaces product `id` and updates the cache. For staff.
///
/// A refusal updates the cache too, so that the next read returns the product that caused it.
///
/// # Errors
/// [`Error::ProductExists`], [`Error::ProductMissing`], [`Error::VersionMismatch`] or
/// [`Error::StockTaken`] if `precondition` does not hold, or the error of the store.
pub async fn put_product(
    cache: &impl CacheProducts,
    products: &impl PutProducts,
    id: ProductId,
    product: &NewProduct,
    precondition: Precondition,
) -> Result<PutProduct, Error> {
    let put = products.put(id, product, precondition).await?;
    if let Put::Created(now) | Put::Replaced(now) | Put::Refused(Some(now)) = &put {
        cache.remember(id, Cached::Found(now.clone())).await;
    }
    match put {
        Put::Created(product) => Ok(PutProduct { product, created: true }),
        Put::Replaced(product) => Ok(PutProduct { product, created: false }),
        Put::Refused(found) => Err(refusal(found.as_ref(), precondition)),
    }
}

fn refusal(found: Option<&Product>, precondition: Precondition) -> Error {
    match (precondition, found) {
        (Precondition::Absent, found) => {
            Error::ProductExists { current: found.map(|product| product.version) }
        }
        (Precondition::Unchanged(_), None) => Error::ProductMissing,
        (Precondition::Unchanged(seen), Some(found)) if seen.version == found.version => {
            Error::StockTaken { version: found.version, stock: found.stock }
        }
        (Precondition::Unchanged(_), Some(found)) => {
            Error::VersionMismatch { current: found.version }
        }
    }
}
