//! `PATCH /orders/{id}/status`: takes an order through its life, for staff.

mod handler;

use std::process::ExitCode;

use lambda_http::{Request, service_fn};
use waybill::http::{self, Callers, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::UPDATE_ORDER_STATUS};

fn main() -> ExitCode {
    waybill::start("update-order-status", async |config| {
        let callers = lambda::keep(Callers::read(&config)?);
        let database =
            Database::connect(&config.database()?, UPDATE_ORDER_STATUS.statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::update_order_status(request, database);
            Ok(http::answer(request, callers, &routes::UPDATE_ORDER_STATUS, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
