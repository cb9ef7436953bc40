//! `PATCH /orders/{id}/cancel`: calls an order off and gives its stock back.

mod handler;

use std::process::ExitCode;

use waybill::http::{self, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::CANCEL_ORDER};

fn main() -> ExitCode {
    waybill::start("cancel-order", async |config| {
        let database = Database::connect(&config.database()?, CANCEL_ORDER.statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(&config, database.close()).await?;
        http::serve(&config, &routes::CANCEL_ORDER, |request| {
            handler::cancel_order(request, database)
        })
        .await
    })
}
