//! A batch of messages from SQS, and which of them failed:
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::Instrument;

use super::cold_start::is_cold_start;
use super::invocation::Invocation;
use crate::app::{Delivery, Queued};
use crate::{BoxError, Error, deadline, trace};

/// A batch of messages. Only what the service uses is read.
#[derive(Debug, Deserialize)]
pub struct Batch {
    #[serde(rename = "Records")]
    messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(rename = "messageId", default)]
    id: String,
    #[serde(default)]
    body: String,
    #[serde(rename = "eventSourceARN", default)]
    queue_arn: String,
    #[serde(default)]
    attributes: Attributes,
}

/// What SQS knows of a message: numbers, as text.
#[derive(Debug, Default, Deserialize)]
struct Attributes {
    #[serde(rename = "ApproximateReceiveCount")]
    receive_count: Option<String>,
    #[serde(rename = "SentTimestamp")]
    sent_at_ms: Option<String>,
}

/// The messages of a batch that SQS delivers again. It deletes all if there are none.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// One for each message.
    pub batch_item_failures: Vec<Failure>,
}

/// A message that SQS delivers again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The id of the message.
    pub item_identifier: String,
}

/// Handles a batch with `work`, which gets the deliveries and their deadline, and returns the ids of the
/// messages that failed. `limit` is the function's timeout.
///
/// # Errors
/// As `work`; SQS then delivers the whole batch again.
pub async fn batch<F>(
    invocation: Invocation<Batch>,
    limit: Duration,
    work: impl FnOnce(Vec<Delivery>, Instant) -> F,
) -> Result<Failures, BoxError>
where
    F: Future<Output = Result<Vec<String>, Error>>,
{
    let Invocation { event, request_id, end } = invocation;
    let cold_start = is_cold_start();
    let span = tracing::info_span!("batch", request_id, cold_start);
    let traced = trace::batch(event.messages.len());
    traced.invocation(&request_id, cold_start);
    let end = deadline::of_invocation(end, limit);
    let deliveries: Vec<Delivery> = event.messages.into_iter().map(delivery).collect();
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
        let failures = failed.into_iter().map(|item_identifier| Failure { item_identifier });
        Ok(Failures { batch_item_failures: failures.collect() })
    };
    traced.scope(deadline::within(end, handled).instrument(span)).await
}

fn delivery(message: Message) -> Delivery {
    let Attributes { receive_count, sent_at_ms } = message.attributes;
    let number = |attribute: Option<String>| attribute?.parse().ok();
    let queued = Queued {
        queue: message.queue_arn.rsplit(':').next().unwrap_or_default().to_owned(),
        receive_count: number(receive_count),
        sent_at_ms: number(sent_at_ms),
    };
    Delivery { message_id: message.id, body: message.body, queued }
}
