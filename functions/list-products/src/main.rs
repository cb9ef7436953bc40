//! `GET /products`: what can be ordered.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use waybill::cache::PageCache;
use waybill::http::CursorKey;
use waybill::postgres::{Database, LIST_PRODUCTS};
use waybill::{http, lambda};

fn main() -> ExitCode {
    waybill::start("list-products", async |config| {
        let cursors = CursorKey::new(&config.cursor_secret()?)?;
        let database = Database::connect(&config.database()?, &[LIST_PRODUCTS]).await?;
        lambda::on_shutdown(Arc::clone(&database).close()).await;
        let pages = PageCache::default();
        http::serve(&config, &handler::ROUTE, |request| {
            handler::list_products(request, &cursors, &pages, &*database)
        })
        .await
    })
}
