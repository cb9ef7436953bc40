//! Sends what waits in the outbox, every minute: the safety net under create-order and fulfill-order.

mod handler;

use std::process::ExitCode;

use waybill::aws::Aws;
use waybill::events::EventBus;
use waybill::lambda;
use waybill::postgres::{Database, functions::RELAY_OUTBOX};
use waybill::queue::FulfillmentQueue;

fn main() -> ExitCode {
    waybill::start("relay-outbox", async |config| {
        let database = config.database()?;
        let (queue, bus) = (config.fulfillment_queue_url()?, config.event_bus_name()?);
        let backoff = database.timing.backoff();
        let aws = Aws::new(config.aws()?)?;
        let queue = FulfillmentQueue::new(&aws, queue);
        let bus = EventBus::new(&aws, bus);
        let database = lambda::keep(Database::connect(&database, RELAY_OUTBOX.statements).await?);
        lambda::on_shutdown(&config, database.close()).await?;
        lambda::run_one_by_one(&config, |invocation| {
            handler::relay_outbox(invocation, database, &queue, &bus, backoff)
        })
        .await
    })
}
