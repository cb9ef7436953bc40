//! Reads the size of the page, finds the page.

use waybill::app;
use waybill::app::ports::ReadProducts;
use waybill::cache::PageCache;
use waybill::domain::Scope;
use waybill::http::{Incoming, PageSize, Problem, ProductList, Reply, StatusCode};

/// What a caller's token must have one of.
pub(crate) const ANY_OF: [Scope; 2] = [Scope::Read, Scope::Staff];

pub(crate) async fn list_products(
    request: Incoming,
    pages: &PageCache,
    products: &impl ReadProducts,
) -> Result<Reply, Problem> {
    let [limit] = request.query(["limit"])?;
    let limit = PageSize::parse(limit)?;
    let products = app::list_products(pages, products, limit.get()).await?;
    Ok(Reply::json(StatusCode::OK, &ProductList::new(&products)))
}
