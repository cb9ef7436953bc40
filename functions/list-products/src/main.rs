//! `GET /products`: what can be ordered.

mod handler;

use std::process::ExitCode;

use lambda_http::{Request, service_fn};
use waybill::app::PageCache;
use waybill::http::{self, Callers, CursorKey, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::LIST_PRODUCTS};

fn main() -> ExitCode {
    waybill::start("list-products", async |config| {
        let callers = lambda::keep(Callers::read(&config)?);
        let cursors = lambda::keep(CursorKey::new(&config.cursor_secret()?)?);
        let database = Database::connect(&config.database()?, LIST_PRODUCTS.statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        let pages = lambda::keep(PageCache::default());
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::list_products(request, cursors, pages, database);
            Ok(http::answer(request, callers, &routes::LIST_PRODUCTS, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
