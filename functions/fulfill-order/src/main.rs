//! The fulfilment queue's consumer: confirms the orders of a batch of jobs.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::service_fn;
use waybill::events::EventBus;
use waybill::postgres::{CLAIM_OUTBOX, CONFIRM_ORDERS, Database, SETTLE_OUTBOX};
use waybill::queue::FulfillmentQueue;
use waybill::{aws, lambda};

fn main() -> ExitCode {
    waybill::start("fulfill-order", async |config| {
        let database = config.database()?;
        let (queue, bus) = (config.fulfillment_queue_url()?, config.event_bus_name()?);
        let backoff = database.timing.backoff();
        let aws = aws::sdk_config().await;
        let (database, queue) = tokio::join!(
            Database::connect(&database, &[CONFIRM_ORDERS, CLAIM_OUTBOX, SETTLE_OUTBOX]),
            FulfillmentQueue::connect(&aws, queue),
        );
        let database = database?;
        let bus = EventBus::new(&aws, bus);
        lambda::on_shutdown(Arc::clone(&database).close()).await;
        lambda_runtime::run(service_fn(|event| {
            handler::fulfill_orders(event, &*database, &queue, &bus, backoff)
        }))
        .await
    })
}
