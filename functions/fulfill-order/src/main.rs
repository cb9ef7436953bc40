//! The fulfilment queue's consumer: confirms the orders of a batch of jobs.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::service_fn;
use waybill::lambda;
use waybill::postgres::{CONFIRM_ORDERS, Database};

fn main() -> ExitCode {
    waybill::start("fulfill-order", async |config| {
        let database = Database::connect(&config.database()?, &[CONFIRM_ORDERS]).await?;
        lambda::on_shutdown(Arc::clone(&database).close()).await;
        lambda_runtime::run(service_fn(|event| handler::fulfill_orders(event, &*database))).await
    })
}
