//! The fulfilment queue's consumer: confirms the orders of a batch of jobs.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use handler::Events;
use lambda_runtime::service_fn;
use waybill::events::EventBus;
use waybill::postgres::Database;
use waybill::queue::FulfillmentQueue;
use waybill::warehouse::Counter;
use waybill::{aws, lambda};

fn main() -> ExitCode {
    waybill::start("fulfill-order", async |config| {
        let database = config.database()?;
        let (queue, bus) = (config.fulfillment_queue_url()?, config.event_bus_name()?);
        let warehouse = config.warehouse()?;
        let backoff = database.timing.backoff();
        let aws = aws::sdk_config().await?;
        let (database, queue) = tokio::join!(
            Database::connect(&database, handler::statements(warehouse.as_ref())),
            FulfillmentQueue::connect(&aws, queue),
        );
        let database = database?;
        let warehouse = Counter::new(warehouse, &queue)?;
        let bus = Arc::new(EventBus::new(&aws, bus));
        let close = Arc::clone(&database).close();
        let after_answer = lambda::on_shutdown_with_work(config.work_before_answer()?, close).await;
        let events = Events { outbox: Arc::clone(&database), bus, backoff, after_answer };
        lambda_runtime::run(service_fn(|event| {
            handler::fulfill_orders(event, &*database, &warehouse, &events)
        }))
        .await
    })
}
