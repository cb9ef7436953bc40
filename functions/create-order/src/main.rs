//! `POST /orders`: takes an order, reserves its stock, and sends it to fulfilment.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use waybill::postgres::{Database, GET_ORDER, PLACE_ORDER};
use waybill::queue::{FulfillmentQueue, SendAfterAnswer};
use waybill::{aws, http, lambda};

fn main() -> ExitCode {
    waybill::start("create-order", async |config| {
        let database = config.database()?;
        let queue = config.fulfillment_queue_url()?;
        let aws = aws::sdk_config().await?;
        let (database, queue) = tokio::join!(
            Database::connect(&database, &[PLACE_ORDER, GET_ORDER]),
            FulfillmentQueue::connect(&aws, queue),
        );
        let database = database?;
        let close = Arc::clone(&database).close();
        let after_answer = lambda::on_shutdown_with_work(config.work_before_answer()?, close).await;
        let queue = SendAfterAnswer::new(queue, after_answer);
        http::serve(&config, &handler::ROUTE, |request| {
            handler::create_order(request, &*database, &queue)
        })
        .await
    })
}
