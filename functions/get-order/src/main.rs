//! `GET /orders/{id}`: one order with its items and its history.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use waybill::postgres::{Database, GET_ORDER};
use waybill::{http, lambda};

fn main() -> ExitCode {
    waybill::start("get-order", async |config| {
        let database = Database::connect(&config.database()?, &[GET_ORDER]).await?;
        lambda::on_shutdown(Arc::clone(&database).close()).await;
        http::serve(&config, &handler::ROUTE, |request| handler::get_order(request, &*database))
            .await
    })
}
