//! `PATCH /orders/{id}/cancel`: calls an order off and gives its stock back.

mod handler;

use std::process::ExitCode;

use waybill::postgres::{CHANGE_STATUS, Database};
use waybill::{http, lambda};

fn main() -> ExitCode {
    waybill::start("cancel-order", async |config| {
        let database = Database::connect(&config.database()?, &[CHANGE_STATUS]).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        http::serve(&config, &handler::ROUTE, |request| handler::cancel_order(request, database))
            .await
    })
}
