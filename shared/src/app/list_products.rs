//! Reads a page of products, through this process's memory.

use std::sync::Arc;

use super::ports::ReadProducts;
use crate::Error;
use crate::cache::PageCache;
use crate::domain::{Page, Product, ProductQuery};

/// The page of products that `query` asks for, as it was within the last few seconds.
///
/// # Errors
/// What the store answers.
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
