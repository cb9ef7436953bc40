//! `PATCH /orders/{id}/status`: takes an order through its life, for staff.

mod handler;

use std::process::ExitCode;

use waybill::http::{self, routes};
use waybill::lambda;
use waybill::postgres::{CHANGE_STATUS, Database};

fn main() -> ExitCode {
    waybill::start("update-order-status", async |config| {
        let database = Database::connect(&config.database()?, &[CHANGE_STATUS]).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        http::serve(&config, &routes::UPDATE_ORDER_STATUS, |request| {
            handler::update_order_status(request, database)
        })
        .await
    })
}
