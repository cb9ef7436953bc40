//! Sends what waits in the outbox, every minute: the safety net under create-order and fulfill-order.

mod handler;

use std::process::ExitCode;

use lambda_runtime::service_fn;
use waybill::events::EventBus;
use waybill::postgres::{Database, functions::RELAY_OUTBOX};
use waybill::queue::FulfillmentQueue;
use waybill::{aws, events, lambda, queue};

fn main() -> ExitCode {
    waybill::start("relay-outbox", async |config| {
        let database = config.database()?;
        let (queue, bus) = (config.fulfillment_queue_url()?, config.event_bus_name()?);
        let backoff = database.timing.backoff();
        let aws = aws::load(&config).await?;
        let sqs = aws_sdk_sqs::Client::from_conf(queue::settings(&aws));
        let eventbridge = aws_sdk_eventbridge::Client::from_conf(events::settings(&aws));
        let queue = lambda::keep(FulfillmentQueue::new(sqs, queue));
        let bus = lambda::keep(EventBus::new(eventbridge, bus));
        let database = lambda::keep(Database::connect(&database, RELAY_OUTBOX.statements).await?);
        lambda::on_shutdown(database.close()).await;
        let handler = move |event| handler::relay_outbox(event, database, queue, bus, backoff);
        lambda::runtime(&config, service_fn(handler))?.run().await
    })
}
