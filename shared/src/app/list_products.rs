//! Lists products, through a cache of pages in memory.

use std::sync::Arc;

use super::PageCache;
use super::get_product::ReadProducts;
use crate::Error;
use crate::domain::{Page, Product, ProductQuery};

/// Lists a page of products, at most a few seconds old.
///
/// # Errors
/// The error of the store.
pub async fn list_products(
    pages: &PageCache,
    products: &impl ReadProducts,
    query: &ProductQuery,
) -> Result<Arc<Page<Product>>, Error> {
    if let Some(page) = pages.recall(query) {
        return Ok(page);
    }
    let page = Arc::new(products.products(query).await?);
    pages.remember(query, Arc::clone(&page));
    Ok(page)
}
