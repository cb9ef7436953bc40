//! Takes a batch of jobs, fulfills their orders, and names the messages that failed.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::LambdaEvent;
use tokio::time::Instant;
use tracing::Instrument;
use waybill::app::{
    self, Backoff, ConfirmOrders, DeadLetters, Delivery, Event, KeepOutbox, Queued, RefuseOrders,
    SendBatch, Warehouse,
};
use waybill::config::WarehouseConfig;
use waybill::postgres::{CLAIM_OUTBOX, CONFIRM_ORDERS, GET_STATUSES, REFUSE_ORDERS, SETTLE_OUTBOX};
use waybill::{BoxError, deadline, lambda, trace};

/// What a batch may take: the function's timeout in the template.
const LIMIT: Duration = Duration::from_secs(30);

/// What sending events may take once the orders are confirmed. EventBridge answers within milliseconds;
/// when it does not, the relay sends them. The batch waits for it only where nothing can be done after
/// the answer.
const EVENTS: Duration = Duration::from_secs(1);

/// What Postgres is to prepare for. Two of the statements are only for a warehouse.
pub(crate) fn statements(warehouse: Option<&WarehouseConfig>) -> &'static [&'static str] {
    let alone = &[CONFIRM_ORDERS, CLAIM_OUTBOX, SETTLE_OUTBOX][..];
    let in_front_of_warehouse =
        &[CONFIRM_ORDERS, CLAIM_OUTBOX, SETTLE_OUTBOX, GET_STATUSES, REFUSE_ORDERS];
    warehouse.map_or(alone, |_| in_front_of_warehouse)
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
    let (request_id, cold_start) = (&event.context.request_id, lambda::is_cold_start());
    let span = tracing::info_span!("batch", request_id, cold_start);
    let traced = trace::batch(event.payload.records.len());
    traced.invocation(request_id, cold_start);
    let end = deadline::of_invocation(event.context.deadline(), LIMIT);
    let deliveries: Vec<Delivery> = event.payload.records.into_iter().map(delivery).collect();
    let message_ids: Vec<String> = deliveries.iter().map(|it| it.message_id.clone()).collect();
    let work = async {
        let failed = app::fulfill_orders(orders, warehouse, deliveries).await;
        let failed = failed.inspect_err(|error| {
            tracing::error!(
                error = error.chain(),
                message_ids = message_ids.join(" "),
                "batch failed; SQS will deliver it again"
            );
        })?;
        events.send(end).await;
        Ok(response(failed))
    };
    traced.scope(deadline::within(end, work).instrument(span)).await
}

fn delivery(message: SqsMessage) -> Delivery {
    let number = |attribute| message.attributes.get(attribute)?.parse().ok();
    let arn = message.event_source_arn.as_deref().unwrap_or_default();
    let queued = Queued {
        queue: arn.rsplit(':').next().unwrap_or_default().to_owned(),
        receive_count: number("ApproximateReceiveCount"),
        sent_at_ms: number("SentTimestamp"),
    };
    Delivery {
        message_id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        queued,
    }
}

/// An empty list means that all succeeded.
fn response(failed: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|message_id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message_id;
            failure
        })
        .collect();
    response
}
