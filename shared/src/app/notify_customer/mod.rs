//! Sends the mails about a batch of events.
//!
//! The promise: one mail for each event, and a second one only if the outcome of the first was not
//! recorded. Decision 17 says when that can be.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use uuid::Uuid;

use super::delivery::Delivery;
use super::notification::{
    Claimed, KeepNotifications, MailError, MailOrder, Notification, Recipient, SendMail,
    Settlement, WriteMail,
};
use super::order_event::OrderEvent;
use crate::{Error, deadline, trace};

/// The time for a batch outside of an invocation.
const BATCH: Duration = Duration::from_secs(28);

/// The time for claiming a batch.
const CLAIMING: Duration = Duration::from_secs(8);

/// The time for sending a mail.
pub(crate) const SENDING: Duration = Duration::from_secs(10);

/// The time for recording an outcome.
const SETTLING: Duration = Duration::from_secs(8);

/// The wait before an outcome is recorded again. It doubles each time.
const MIN_SETTLE_DELAY: Duration = Duration::from_millis(200);

/// The limit of the doubling.
const MAX_SETTLE_DELAY: Duration = Duration::from_secs(1);

/// A message that is an event.
struct DeliveredEvent {
    message_id: String,
    event: OrderEvent,
    /// The span of the event in the trace of its request.
    traced: trace::Span,
}

impl DeliveredEvent {
    fn notification(&self) -> Notification {
        Notification { order_id: self.event.order_id, status: self.event.status }
    }

    fn span(&self) -> tracing::Span {
        let order_id = self.event.order_id.to_string();
        let event = self.event.status.event();
        tracing::info_span!("mail", correlation_id = %self.event.correlation_id, order_id, event)
    }
}

/// Sends a mail for each event that has none yet, and returns the ids of the messages that failed. The
/// queue delivers these again and finally moves them to the dead-letter queue.
///
/// A mail that can't go to anyone, or that the mail service refuses for good, is recorded, and its
/// message succeeds.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`]; the whole batch must then be delivered again.
pub async fn notify_customers(
    notifications: &impl KeepNotifications,
    text: &impl WriteMail,
    mailer: &impl SendMail,
    recipient: Recipient,
    deliveries: Vec<Delivery>,
) -> Result<Vec<String>, Error> {
    let end = deadline::current(BATCH);
    let (mut events, mut failed) = parse(deliveries);
    if events.is_empty() {
        return Ok(failed);
    }
    // An order's mails in the order of its life, as far as one batch has them.
    events.sort_by_key(DeliveredEvent::notification);
    let mut wanted: Vec<_> = events.iter().map(DeliveredEvent::notification).collect();
    wanted.dedup();
    let claim = notifications.claim(Uuid::new_v4(), &wanted);
    let mut claimed = deadline::within(end.min(Instant::now() + CLAIMING), claim).await?;
    let post = Post { notifications, text, mailer, recipient, end };
    for copies in events.chunk_by(|a, b| a.notification() == b.notification()) {
        let Some(delivered) = copies.first() else { continue };
        let claimed = claimed.remove(&delivered.notification());
        let handled = post.handle(delivered, claimed).instrument(delivered.span());
        if !delivered.traced.scope(handled).await {
            failed.extend(copies.iter().map(|copy| copy.message_id.clone()));
        }
    }
    Ok(failed)
}

/// The messages that are events, and the ids of the others.
fn parse(deliveries: Vec<Delivery>) -> (Vec<DeliveredEvent>, Vec<String>) {
    let (mut events, mut failed) = (Vec::with_capacity(deliveries.len()), Vec::new());
    for delivery in deliveries {
        let parsed = OrderEvent::parse(&delivery.body);
        let traceparent = parsed.as_ref().ok().and_then(|event| event.traceparent.as_deref());
        let traced = delivery.traced(traceparent);
        let message_id = delivery.message_id;
        match parsed {
            Ok(event) => {
                traced.order(&event.order_id);
                traced.correlation(event.correlation_id.as_str());
                traced.event(event.status.event());
                events.push(DeliveredEvent { message_id, event, traced });
            }
            Err(error) => {
                traced.failed("malformed");
                tracing::error!(message_id, error = %error, "the message is not an order event");
                failed.push(message_id);
            }
        }
    }
    (events, failed)
}

struct Post<'a, N, W, M> {
    notifications: &'a N,
    text: &'a W,
    mailer: &'a M,
    recipient: Recipient,
    end: Instant,
}

impl<N: KeepNotifications, W: WriteMail, M: SendMail> Post<'_, N, W, M> {
    /// Whether the message of `delivered` succeeds.
    async fn handle(&self, delivered: &DeliveredEvent, claimed: Option<Claimed>) -> bool {
        let (message_id, traced) = (&delivered.message_id, &delivered.traced);
        let order = match claimed {
            Some(Claimed::Yours(order)) => order,
            Some(Claimed::Settled) => {
                traced.outcome("already_handled");
                tracing::info!("event was handled before; nothing to do");
                return true;
            }
            Some(Claimed::Busy) => {
                traced.failed("busy");
                tracing::warn!(message_id, "another process is sending this mail; retrying");
                return false;
            }
            None => {
                traced.failed("order_not_found");
                tracing::error!(message_id, "order not found");
                return false;
            }
        };
        let Some(settlement) = self.send(delivered, &order).await else {
            traced.failed("not_sent");
            return false;
        };
        match &settlement {
            Settlement::Sent(mail_id) => {
                traced.outcome("sent");
                tracing::info!(mail_id, "mail sent");
            }
            Settlement::NoAddress => {
                traced.outcome("no_address");
                tracing::info!("no address that mail may go to; none sent");
            }
            Settlement::Refused(reason) => {
                traced.failed("refused");
                tracing::warn!(reason, "SES refused the mail; it will not be sent");
            }
        }
        if let Err(error) = self.settle(delivered.notification(), &settlement).await {
            // Another delivery could only send it again.
            let error = error.chain();
            tracing::error!(message_id, error, "failed to record the outcome of a mail");
        }
        true
    }

    /// Sends the mail. None if that may succeed later.
    async fn send(&self, delivered: &DeliveredEvent, order: &MailOrder) -> Option<Settlement> {
        let message_id = &delivered.message_id;
        let Some(to) = order.address(self.recipient) else { return Some(Settlement::NoAddress) };
        let last = self.end.checked_sub(SENDING + SETTLING)?;
        let writing = timeout_at(last, self.text.write(delivered.event.status, order));
        let written = writing.await.ok().filter(|_| Instant::now() <= last);
        let Some(mail) = written else {
            tracing::warn!(message_id, "no time left to send the mail; retrying");
            return None;
        };
        let sent = match mail {
            Ok(mail) => {
                let sending = Instant::now() + SENDING;
                deadline::within(sending, self.mailer.send(to, &mail)).await
            }
            Err(error) => {
                let error = crate::error::chain(&*error);
                tracing::error!(message_id, error, "failed to write the mail; retrying");
                return None;
            }
        };
        match sent {
            Ok(mail_id) => Some(Settlement::Sent(mail_id)),
            Err(MailError::Refused(code)) => Some(Settlement::Refused(code)),
            Err(MailError::Failed(error)) => {
                let error = crate::error::chain(&*error);
                tracing::error!(message_id, error, "failed to send the mail; retrying");
                None
            }
        }
    }

    /// Records the outcome. Tries until the end of the invocation, since a mail whose outcome is not
    /// recorded may be sent again.
    async fn settle(
        &self,
        notification: Notification,
        settlement: &Settlement,
    ) -> Result<(), Error> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(MIN_SETTLE_DELAY)
            .with_max_delay(MAX_SETTLE_DELAY)
            .without_max_times();
        let in_time = || Instant::now() + MAX_SETTLE_DELAY < self.end;
        (|| self.notifications.settle(notification, settlement))
            .retry(backoff)
            .when(|error: &Error| error.retryable() && in_time())
            .await
    }
}

#[cfg(test)]
mod tests;
