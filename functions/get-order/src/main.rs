//! `GET /orders/{id}`: one order with its items and its history.

mod handler;

use std::process::ExitCode;

use waybill::http::{self, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::GET_ORDER};

fn main() -> ExitCode {
    waybill::start("get-order", async |config| {
        let database = Database::connect(&config.database()?, GET_ORDER.statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(&config, database.close()).await?;
        http::serve(&config, &routes::GET_ORDER, |request| handler::get_order(request, database))
            .await
    })
}
