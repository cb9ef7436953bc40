//! Sends what waits in the outbox, every minute: the safety net under create-order and fulfill-order.

mod handler;

use std::process::ExitCode;

use lambda_runtime::service_fn;
use waybill::aws::Aws;
use waybill::events::EventBus;
use waybill::lambda;
use waybill::postgres::{CLAIM_OUTBOX, Database, FORGET_OLD_KEYS, SETTLE_OUTBOX};
use waybill::queue::FulfillmentQueue;

fn main() -> ExitCode {
    waybill::start("relay-outbox", async |config| {
        let database = config.database()?;
        let (queue, bus) = (config.fulfillment_queue_url()?, config.event_bus_name()?);
        let backoff = database.timing.backoff();
        let aws = Aws::new(config.aws()?)?;
        let queue = FulfillmentQueue::new(&aws, queue);
        let bus = EventBus::new(&aws, bus);
        let statements = &[CLAIM_OUTBOX, SETTLE_OUTBOX, FORGET_OLD_KEYS];
        let database = lambda::keep(Database::connect(&database, statements).await?);
        lambda::on_shutdown(database.close()).await;
        lambda_runtime::run(service_fn(|event| {
            handler::relay_outbox(event, database, &queue, &bus, backoff)
        }))
        .await
    })
}
