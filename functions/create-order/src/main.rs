//! `POST /orders`: takes an order, reserves its stock, and sends it to fulfillment.

mod handler;

use std::process::ExitCode;

use waybill::aws::Aws;
use waybill::http::{self, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::CREATE_ORDER};
use waybill::queue::{FulfillmentQueue, SendAfterAnswer};

fn main() -> ExitCode {
    waybill::start("create-order", async |config| {
        let database = config.database()?;
        let queue = config.fulfillment_queue_url()?;
        let queue = FulfillmentQueue::new(&Aws::new(config.aws()?)?, queue);
        let database = lambda::keep(Database::connect(&database, CREATE_ORDER.statements).await?);
        lambda::on_shutdown(&config, database.close()).await?;
        let queue = lambda::keep(SendAfterAnswer::new(lambda::keep(queue)));
        http::serve(&config, &routes::CREATE_ORDER, |request| {
            handler::create_order(request, database, queue)
        })
        .await
    })
}
