//! Takes a batch of events, mails about each, and names the messages that failed.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::LambdaEvent;
use tracing::Instrument;
use waybill::app::{self, Delivery, KeepNotifications, Queued, Recipient, SendMail, WriteMail};
use waybill::{BoxError, deadline, lambda, trace};

/// What a batch may take: the function's timeout in the template.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn notify_customers(
    event: LambdaEvent<SqsEvent>,
    notifications: &impl KeepNotifications,
    text: &impl WriteMail,
    mailer: &impl SendMail,
    recipient: Recipient,
) -> Result<SqsBatchResponse, BoxError> {
    let (request_id, cold_start) = (&event.context.request_id, lambda::is_cold_start());
    let span = tracing::info_span!("batch", request_id, cold_start);
    let records = event.payload.records;
    let messages = records.len();
    let end = deadline::of_invocation(event.context.deadline(), LIMIT);
    let deliveries: Vec<Delivery> = records.into_iter().map(delivery).collect();
    let message_ids: Vec<String> = deliveries.iter().map(|it| it.message_id.clone()).collect();
    let work = async {
        let failed = app::notify_customers(notifications, text, mailer, recipient, deliveries);
        let failed = failed.await.inspect_err(|error| {
            tracing::error!(
                error = error.chain(),
                message_ids = message_ids.join(" "),
                "batch failed; SQS will deliver it again"
            );
        })?;
        Ok(response(failed))
    };
    let traced = async {
        let traced = trace::batch(messages);
        traced.invocation(request_id, cold_start);
        // Boxed, since the runtime holds it more than once.
        traced.scope(deadline::within(end, Box::pin(work)).instrument(span)).await
    };
    trace::recorded(traced).await
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
