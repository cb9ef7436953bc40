//! Sends what waits in the outbox, every minute: the safety net under create-order and fulfill-order.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::service_fn;
use waybill::events::EventBus;
use waybill::postgres::{CLAIM_OUTBOX, Database, FORGET_OLD_KEYS, SETTLE_OUTBOX};
use waybill::queue::FulfillmentQueue;
use waybill::{aws, lambda};

fn main() -> ExitCode {
    waybill::start("relay-outbox", async |config| {
        let database = config.database()?;
        let (queue, bus) = (config.fulfillment_queue_url()?, config.event_bus_name()?);
        let backoff = database.timing.backoff();
        let aws = aws::sdk_config().await?;
        let (database, queue) = tokio::join!(
            Database::connect(&database, &[CLAIM_OUTBOX, SETTLE_OUTBOX, FORGET_OLD_KEYS]),
            FulfillmentQueue::connect(&aws, queue),
        );
        let database = database?;
        let bus = EventBus::new(&aws, bus);
        lambda::on_shutdown(Arc::clone(&database).close()).await;
        lambda_runtime::run(service_fn(|event| {
            handler::relay_outbox(event, &*database, &queue, &bus, backoff)
        }))
        .await
    })
}
