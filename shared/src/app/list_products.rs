//! Reads a page of products, through this process's memory.

use std::sync::Arc;

use super::ports::ReadProducts;
use crate::Error;
use crate::cache::PageCache;
use crate::domain::Product;

/// Products that can be ordered, at most `limit`, as they were within the last few seconds.
///
/// # Errors
/// What the store answers.
pub async fn list_products(
    pages: &PageCache,
    products: &impl ReadProducts,
    limit: u8,
) -> Result<Arc<[Product]>, Error> {
    if let Some(page) = pages.recall(limit) {
        return Ok(page);
    }
    let page: Arc<[Product]> = products.products(limit).await?.into();
    pages.remember(limit, Arc::clone(&page));
    Ok(page)
}
