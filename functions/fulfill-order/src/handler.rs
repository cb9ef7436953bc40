//! Takes a batch of jobs, fulfills their orders, and names the messages that failed.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::LambdaEvent;
use tokio::time::Instant;
use waybill::app::{
    self, Backoff, ConfirmOrders, DeadLetters, Event, KeepOutbox, RefuseOrders, SendBatch,
    Warehouse,
};
use waybill::config::WarehouseConfig;
use waybill::lambda;
use waybill::postgres::functions::{FULFILL_ORDER, FULFILL_ORDER_ALONE};
use waybill::{BoxError, trace};

/// What a batch may take: the function's timeout in the template.
const LIMIT: Duration = Duration::from_secs(30);

/// What sending events may take once the orders are confirmed. EventBridge answers within milliseconds;
/// when it does not, the relay sends them. The batch waits for it only where nothing can be done after
/// the answer.
const EVENTS: Duration = Duration::from_secs(1);

/// What Postgres is to prepare for. Two of the statements are only for a warehouse.
pub(crate) fn statements(warehouse: Option<&WarehouseConfig>) -> &'static [&'static str] {
    warehouse.map_or(FULFILL_ORDER_ALONE, |_| FULFILL_ORDER.statements)
}

/// What sends the events of a batch, after the batch was acknowledged if that can be.
pub(crate) struct Events<O: 'static, B: 'static> {
    pub(crate) outbox: &'static O,
    pub(crate) bus: &'static B,
    pub(crate) backoff: Backoff,
}

impl<O, B> Events<O, B>
where
    O: KeepOutbox + Send + 'static,
    B: SendBatch<Event> + Send + 'static,
{
    /// Sends what the batch wrote, and what else is due. The relay makes up for what fails here.
    async fn send(&self, end: Instant) {
        let Self { outbox, bus, backoff } = *self;
        let send = async move {
            let until = end.min(Instant::now() + EVENTS);
            let relay = app::relay_events(outbox, bus, backoff, until);
            if let Err(error) = trace::step("relay events").scope(relay).await {
                let error = error.chain();
                tracing::warn!(error, "failed to relay events; the relay will retry");
            }
        };
        lambda::after_answer(send).await;
    }
}

pub(crate) async fn fulfill_orders(
    event: LambdaEvent<SqsEvent>,
    orders: &(impl ConfirmOrders + RefuseOrders),
    warehouse: &(impl Warehouse + DeadLetters),
    events: &Events<impl KeepOutbox + Send + 'static, impl SendBatch<Event> + Send + 'static>,
) -> Result<SqsBatchResponse, BoxError> {
    lambda::batch(event, LIMIT, async |deliveries, end| {
        let failed = app::fulfill_orders(orders, warehouse, deliveries).await?;
        events.send(end).await;
        Ok(failed)
    })
    .await
}
