//! A batch of messages from SQS, and which of them failed.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::LambdaEvent;
use tokio::time::Instant;
use tracing::Instrument;

use super::run::is_cold_start;
use crate::app::{Delivery, Queued};
use crate::{BoxError, Error, deadline, trace};

/// Handles a batch with `work`, which gets the deliveries and their deadline, and returns the ids of the
/// messages that failed. `limit` is the function's timeout.
///
/// # Errors
/// As `work`; SQS then delivers the whole batch again.
pub async fn batch<F>(
    event: LambdaEvent<SqsEvent>,
    limit: Duration,
    work: impl FnOnce(Vec<Delivery>, Instant) -> F,
) -> Result<SqsBatchResponse, BoxError>
where
    F: Future<Output = Result<Vec<String>, Error>>,
{
    let (request_id, cold_start) = (&event.context.request_id, is_cold_start());
    let span = tracing::info_span!("batch", request_id, cold_start);
    let traced = trace::batch(event.payload.records.len());
    traced.invocation(request_id, cold_start);
    let end = deadline::of_invocation(event.context.deadline(), limit);
    let deliveries: Vec<Delivery> = event.payload.records.into_iter().map(delivery).collect();
    let message_ids: Vec<String> = deliveries.iter().map(|it| it.message_id.clone()).collect();
    let work = work(deliveries, end);
    let handled = async {
        let failed = work.await.inspect_err(|error| {
            tracing::error!(
                error = error.chain(),
                message_ids = message_ids.join(" "),
                "batch failed; SQS will deliver it again"
            );
        })?;
        Ok(response(failed))
    };
    traced.scope(deadline::within(end, handled).instrument(span)).await
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
