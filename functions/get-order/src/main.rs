//! `GET /orders/{id}`: one order with its items and its history.

mod handler;

use std::process::ExitCode;

use lambda_http::{Request, service_fn};
use waybill::http::{self, Callers, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::GET_ORDER};

fn main() -> ExitCode {
    waybill::start("get-order", async |config| {
        let callers = lambda::keep(Callers::read(&config)?);
        let database = Database::connect(&config.database()?, GET_ORDER.statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::get_order(request, database);
            Ok(http::answer(request, callers, &routes::GET_ORDER, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
