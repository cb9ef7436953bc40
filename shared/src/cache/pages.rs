//! Pages of products, in this process's memory alone: one in DynamoDB would have to be found and
//! thrown away with every change of any product on it.

use std::sync::Arc;

use moka::sync::Cache;

use super::memory::{CAPACITY, LIFETIME};
use crate::domain::{Page, Product, ProductQuery};

/// Remembers pages for three seconds, so that a busy process asks Postgres that often and not more.
///
/// Callers can ask for as many different pages as they like, so that what bounds it is not their
/// number but that of the products on them.
pub struct PageCache(Cache<ProductQuery, Arc<Page<Product>>>);

impl Default for PageCache {
    fn default() -> Self {
        // An empty page costs its key.
        let products = |_: &ProductQuery, page: &Arc<Page<Product>>| {
            u32::try_from(page.entries.len()).unwrap_or(u32::MAX).max(1)
        };
        let cache = Cache::builder().max_capacity(CAPACITY).weigher(products);
        Self(cache.time_to_live(LIFETIME).build())
    }
}

impl PageCache {
    /// The page that `query` asks for, if it is remembered.
    pub(crate) fn recall(&self, query: &ProductQuery) -> Option<Arc<Page<Product>>> {
        self.0.get(query)
    }

    /// Remembers the page that `query` asks for.
    pub(crate) fn remember(&self, query: &ProductQuery, page: Arc<Page<Product>>) {
        self.0.insert(query.clone(), page);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Currency, Money, ProductId, Search};

    fn page(products: u128) -> Arc<Page<Product>> {
        let product = |number| Product {
            id: ProductId::from(Uuid::from_u128(number)),
            name: "Enamel mug".to_owned(),
            price: Money { minor: 1450, currency: Currency::parse("EUR").unwrap() },
            stock: 1,
            active: true,
            version: 1,
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
        assert!(pages.0.weighted_size() <= CAPACITY, "{}", pages.0.weighted_size());
        assert_eq!(pages.0.weighted_size(), 100 * pages.0.entry_count());
    }
}
