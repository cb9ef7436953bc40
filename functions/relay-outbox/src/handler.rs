//! Takes any event, sends what is due, and says how much that was.

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tracing::Instrument;
use waybill::app::ports::{Event, Job, KeepOutbox, SendBatch};
use waybill::app::{self, Backoff, Relayed};
use waybill::{BoxError, lambda};

/// How many rounds of a hundred messages one invocation does at most; the next minute does the rest.
const ROUNDS: usize = 50;

pub(crate) async fn relay_outbox(
    event: LambdaEvent<Value>,
    outbox: &impl KeepOutbox,
    queue: &impl SendBatch<Job>,
    bus: &impl SendBatch<Event>,
    backoff: Backoff,
) -> Result<Relayed, BoxError> {
    let span = tracing::info_span!(
        "relay",
        request_id = event.context.request_id,
        cold_start = lambda::is_cold_start(),
    );
    async {
        let relayed = app::relay_outbox(outbox, queue, bus, backoff, ROUNDS).await;
        let relayed = relayed.inspect_err(|error| {
            tracing::error!(error = error.chain(), "the outbox can't be relayed");
        })?;
        let Relayed { jobs, events, failed } = relayed;
        let keys = outbox.forget_old_keys().await?;
        tracing::info!(jobs, events, failed, keys_forgotten = keys, "the outbox is relayed");
        Ok(relayed)
    }
    .instrument(span)
    .await
}
