//! Pages of products, only in the memory of this process: in DynamoDB, every change of a product
//! would have to find and delete the pages that show it.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::{Page, Product, ProductQuery};

/// How long products stay in memory, and so how late a change elsewhere may be seen.
pub(crate) const MEMORY_LIFETIME: Duration = Duration::from_secs(3);

/// The most products in memory; at some 300 bytes each, a few megabytes.
pub(crate) const MEMORY_CAPACITY: u64 = 10_000;

/// Caches pages for three seconds.
///
/// Its size is bounded by the number of products on the pages, since callers can ask for any number
/// of different pages.
pub struct PageCache(Cache<ProductQuery, Arc<Page<Product>>>);

impl Default for PageCache {
    fn default() -> Self {
        // An empty page counts for its key.
        let products = |_: &ProductQuery, page: &Arc<Page<Product>>| {
            u32::try_from(page.entries.len()).unwrap_or(u32::MAX).max(1)
        };
        let cache = Cache::builder().max_capacity(MEMORY_CAPACITY).weigher(products);
        Self(cache.time_to_live(MEMORY_LIFETIME).build())
    }
}

impl PageCache {
    /// The cached page for `query`.
    pub(crate) fn recall(&self, query: &ProductQuery) -> Option<Arc<Page<Product>>> {
        self.0.get(query)
    }

    /// Caches the page for `query`.
    pub(crate) fn remember(&self, query: &ProductQuery, page: Arc<Page<Product>>) {
        self.0.insert(query.clone(), page);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Buckets, Currency, Money, ProductId, Search, Stock, Version};

    fn page(products: u128) -> Arc<Page<Product>> {
        let product = |number| Product {
            id: ProductId::from(Uuid::from_u128(number)),
            name: "Enamel mug".to_owned(),
            price: Money::new(1450, Currency::parse("EUR").unwrap()).unwrap(),
            stock: Stock::new(1).unwrap(),
            buckets: Buckets::ONE,
            active: true,
            version: Version::FIRST,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        Arc::new(Page { entries: (0..products).map(product).collect(), has_more: false })
    }

    #[test]
    fn another_search_or_place_in_the_list_is_another_page() {
        let (pages, first) = (PageCache::default(), ProductQuery::default());
        pages.remember(&first, page(1));
        assert_eq!(pages.recall(&first), Some(page(1)));
        let search = Some(Search::parse("mug").unwrap());
        let above = Some(ProductId::from(Uuid::nil()));
        assert_eq!(pages.recall(&ProductQuery { search, ..first.clone() }), None);
        assert_eq!(pages.recall(&ProductQuery { above, ..first }), None);
    }

    #[test]
    fn however_many_pages_are_asked_for_a_bounded_number_of_products_is_kept() {
        let pages = PageCache::default();
        for number in 0..200 {
            let above = Some(ProductId::from(Uuid::from_u128(number)));
            pages.remember(&ProductQuery { above, ..ProductQuery::default() }, page(100));
            pages.0.run_pending_tasks();
        }
        assert!(pages.0.weighted_size() <= MEMORY_CAPACITY, "{}", pages.0.weighted_size());
        assert_eq!(pages.0.weighted_size(), 100 * pages.0.entry_count());
    }
}
