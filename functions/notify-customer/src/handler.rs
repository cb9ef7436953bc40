//! Takes a batch of events, mails about each, and names the messages that failed.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::LambdaEvent;
use waybill::BoxError;
use waybill::app::{self, KeepNotifications, Recipient, SendMail, WriteMail};
use waybill::lambda;

/// What a batch may take: the function's timeout in the template.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn notify_customers(
    event: LambdaEvent<SqsEvent>,
    notifications: &impl KeepNotifications,
    text: &impl WriteMail,
    mailer: &impl SendMail,
    recipient: Recipient,
) -> Result<SqsBatchResponse, BoxError> {
    lambda::batch(event, LIMIT, |deliveries, _| {
        app::notify_customers(notifications, text, mailer, recipient, deliveries)
    })
    .await
}
