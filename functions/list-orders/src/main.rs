//! `GET /orders`: the caller's orders, newest first.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use waybill::postgres::{Database, LIST_ORDERS};
use waybill::{http, lambda};

fn main() -> ExitCode {
    waybill::start("list-orders", async |config| {
        let database = Database::connect(&config.database()?, &[LIST_ORDERS]).await?;
        lambda::on_shutdown(Arc::clone(&database).close()).await;
        http::serve(|request| handler::list_orders(request, &*database)).await
    })
}
