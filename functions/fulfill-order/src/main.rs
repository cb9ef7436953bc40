//! The fulfillment queue's consumer: confirms the orders of a batch of jobs.

mod handler;

use std::process::ExitCode;

use handler::Events;
use lambda_runtime::service_fn;
use waybill::events::EventBus;
use waybill::postgres::Database;
use waybill::queue::FulfillmentQueue;
use waybill::warehouse::OptionalWarehouse;
use waybill::{aws, events, lambda, queue};

fn main() -> ExitCode {
    waybill::start("fulfill-order", async |config| {
        let database = config.database()?;
        let (queue, bus) = (config.fulfillment_queue_url()?, config.event_bus_name()?);
        let warehouse = config.warehouse()?;
        let backoff = database.timing.backoff();
        let aws = aws::load(&config).await?;
        let sqs = aws_sdk_sqs::Client::from_conf(queue::settings(&aws));
        let eventbridge = aws_sdk_eventbridge::Client::from_conf(events::settings(&aws));
        let bus = lambda::keep(EventBus::new(eventbridge, bus));
        let statements = handler::statements(warehouse.as_ref());
        let database = lambda::keep(Database::connect(&database, statements).await?);
        let queue = FulfillmentQueue::new(sqs, queue);
        let warehouse = lambda::keep(OptionalWarehouse::new(warehouse, &queue)?);
        lambda::on_shutdown(database.close()).await;
        let events = lambda::keep(Events { outbox: database, bus, backoff });
        let handler = |event| handler::fulfill_orders(event, database, warehouse, events);
        lambda::runtime(&config, service_fn(handler))?.run_concurrent().await
    })
}
