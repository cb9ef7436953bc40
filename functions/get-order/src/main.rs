//! `GET /orders/{id}`: one order with its items and its history.

mod handler;

use std::process::ExitCode;

use waybill::postgres::{Database, GET_ORDER};
use waybill::{http, lambda};

fn main() -> ExitCode {
    waybill::start("get-order", async |config| {
        let database = Database::connect(&config.database()?, &[GET_ORDER]).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        http::serve(&config, &handler::ROUTE, |request| handler::get_order(request, database)).await
    })
}
