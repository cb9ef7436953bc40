//! `GET /orders`: the caller's orders, or everybody's for staff, newest first.

mod handler;

use std::process::ExitCode;

use waybill::http::{self, CursorKey, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::LIST_ORDERS};

fn main() -> ExitCode {
    waybill::start("list-orders", async |config| {
        let cursors = CursorKey::new(&config.cursor_secret()?)?;
        let database = Database::connect(&config.database()?, LIST_ORDERS.statements).await?;
        let (cursors, database) = (lambda::keep(cursors), lambda::keep(database));
        lambda::on_shutdown(&config, database.close()).await?;
        http::serve(&config, &routes::LIST_ORDERS, |request| {
            handler::list_orders(request, cursors, database)
        })
        .await
    })
}
