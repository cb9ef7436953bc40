//! `GET /orders`: the caller's orders, or everybody's for staff, newest first.

mod handler;

use std::process::ExitCode;

use lambda_http::{Request, service_fn};
use waybill::http::{self, Callers, CursorKey, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::LIST_ORDERS};

fn main() -> ExitCode {
    waybill::start("list-orders", async |config| {
        let callers = lambda::keep(Callers::read(&config)?);
        let cursors = lambda::keep(CursorKey::new(&config.cursor_secret()?)?);
        let database = Database::connect(&config.database()?, LIST_ORDERS.statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::list_orders(request, cursors, database);
            Ok(http::answer(request, callers, &routes::LIST_ORDERS, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
