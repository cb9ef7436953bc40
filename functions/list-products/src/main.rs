//! `GET /products`: what can be ordered.

mod handler;

use std::process::ExitCode;

use waybill::app::PageCache;
use waybill::http::CursorKey;
use waybill::postgres::{Database, LIST_PRODUCTS};
use waybill::{http, lambda};

fn main() -> ExitCode {
    waybill::start("list-products", async |config| {
        let cursors = CursorKey::new(&config.cursor_secret()?)?;
        let database = Database::connect(&config.database()?, &[LIST_PRODUCTS]).await?;
        let (cursors, database) = (lambda::keep(cursors), lambda::keep(database));
        lambda::on_shutdown(database.close()).await;
        let pages = lambda::keep(PageCache::default());
        http::serve(&config, &handler::ROUTE, |request| {
            handler::list_products(request, cursors, pages, database)
        })
        .await
    })
}
