//! `GET /products`: what can be ordered.

mod handler;

use std::process::ExitCode;

use waybill::app::PageCache;
use waybill::http::{self, CursorKey, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::LIST_PRODUCTS};

fn main() -> ExitCode {
    waybill::start("list-products", async |config| {
        let cursors = CursorKey::new(&config.cursor_secret()?)?;
        let statements = LIST_PRODUCTS.statements;
        let database = Database::connect(&config.database()?, statements).await?;
        let (cursors, database) = (lambda::keep(cursors), lambda::keep(database));
        lambda::on_shutdown(&config, database.close()).await?;
        let pages = lambda::keep(PageCache::default());
        http::serve(&config, &routes::LIST_PRODUCTS, |request| {
            handler::list_products(request, cursors, pages, database)
        })
        .await
    })
}
