//! Lists products, through a cache of pages in memory.

use std::sync::Arc;

use super::page_cache::PageCache;
use crate::Error;
use crate::domain::{Page, Product, ProductQuery};

/// Lists products from the database.
pub trait ListProducts: Sync {
    /// A page of the products for sale that match `query`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn products(
        &self,
        query: &ProductQuery,
    ) -> impl Future<Output = Result<Page<Product>, Error>> + Send;
}

/// Lists a page of products, at most a few seconds old.
///
/// # Errors
/// The error of the store.
pub async fn list_products(
    pages: &PageCache,
    products: &impl ListProducts,
    query: &ProductQuery,
) -> Result<Arc<Page<Product>>, Error> {
    if let Some(page) = pages.recall(query) {
        return Ok(page);
    }
    let page = Arc::new(products.products(query).await?);
    pages.remember(query, Arc::clone(&page));
    Ok(page)
}
