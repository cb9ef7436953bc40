//! Lists products.

use waybill::app::{self, ListProducts, PageCache};
use waybill::http::{self, CursorKey, Incoming, Problem, Reply};

pub(crate) async fn list_products(
    request: Incoming,
    cursors: &CursorKey,
    pages: &PageCache,
    products: &impl ListProducts,
) -> Result<Reply, Problem> {
    let list = http::read_product_list(&request, cursors)?;
    let page = app::list_products(pages, products, list.query()).await?;
    Ok(list.reply(&page))
}
