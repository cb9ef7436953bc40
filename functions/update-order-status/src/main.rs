//! `PATCH /orders/{id}/status`: takes an order through its life, for staff.

mod handler;

use std::process::ExitCode;

use waybill::http::{self, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::UPDATE_ORDER_STATUS};

fn main() -> ExitCode {
    waybill::start("update-order-status", async |config| {
        let statements = UPDATE_ORDER_STATUS.statements;
        let database = Database::connect(&config.database()?, statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(&config, database.close()).await?;
        http::serve(&config, &routes::UPDATE_ORDER_STATUS, |request| {
            handler::update_order_status(request, database)
        })
        .await
    })
}
