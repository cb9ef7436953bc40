//! The fulfillment queue's consumer: confirms the orders of a batch of jobs.

mod handler;

use std::process::ExitCode;

use handler::Events;
use waybill::aws::Aws;
use waybill::events::EventBus;
use waybill::lambda;
use waybill::postgres::Database;
use waybill::queue::FulfillmentQueue;
use waybill::warehouse::OptionalWarehouse;

fn main() -> ExitCode {
    waybill::start("fulfill-order", async |config| {
        let database = config.database()?;
        let (queue, bus) = (config.fulfillment_queue_url()?, config.event_bus_name()?);
        let warehouse = config.warehouse()?;
        let backoff = database.timing.backoff();
        let aws = Aws::new(config.aws()?)?;
        let bus = lambda::keep(EventBus::new(&aws, bus));
        let statements = handler::statements(warehouse.as_ref());
        let database = lambda::keep(Database::connect(&database, statements).await?);
        let queue = FulfillmentQueue::new(&aws, queue);
        let warehouse = lambda::keep(OptionalWarehouse::new(warehouse, &queue)?);
        lambda::on_shutdown(&config, database.close()).await?;
        let events = lambda::keep(Events { outbox: database, bus, backoff });
        let handler = |invocation| handler::fulfill_orders(invocation, database, warehouse, events);
        lambda::run(&config, handler).await
    })
}
