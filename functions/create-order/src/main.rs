//! `POST /orders`: takes an order, reserves its stock, and sends it to fulfillment.

mod handler;

use std::process::ExitCode;

use aws_sdk_sqs::Client;
use lambda_http::{Request, service_fn};
use waybill::aws;
use waybill::http::{self, Callers, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::CREATE_ORDER};
use waybill::queue::{self, FulfillmentQueue, SendAfterAnswer};

fn main() -> ExitCode {
    waybill::start("create-order", async |config| {
        let callers = lambda::keep(Callers::read(&config)?);
        let (database, queue) = (config.database()?, config.fulfillment_queue_url()?);
        let sqs = Client::from_conf(queue::settings(&aws::load(&config).await?));
        let queue = lambda::keep(FulfillmentQueue::new(sqs, queue));
        let queue = lambda::keep(SendAfterAnswer::new(queue));
        let database = lambda::keep(Database::connect(&database, CREATE_ORDER.statements).await?);
        lambda::on_shutdown(database.close()).await;
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::create_order(request, database, queue);
            Ok(http::answer(request, callers, &routes::CREATE_ORDER, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
