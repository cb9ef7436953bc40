//! `PATCH /orders/{id}/cancel`: calls an order off and gives its stock back.

mod handler;

use std::process::ExitCode;

use lambda_http::{Request, service_fn};
use waybill::http::{self, Callers, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::CANCEL_ORDER};

fn main() -> ExitCode {
    waybill::start("cancel-order", async |config| {
        let callers = lambda::keep(Callers::read(&config)?);
        let database = Database::connect(&config.database()?, CANCEL_ORDER.statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::cancel_order(request, database);
            Ok(http::answer(request, callers, &routes::CANCEL_ORDER, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
