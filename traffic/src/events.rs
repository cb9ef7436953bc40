//! A subscriber of its own: a queue and a rule on the event bus, made for a run and removed after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_eventbridge::types::Target as RuleTarget;
use aws_sdk_sqs::config::Config;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, QueueAttributeName as Attribute,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;
use waybill_ops::error::{Context as _, Error, Result};

use crate::settings::Target;

/// The orders in events, by the name of the event.
pub(crate) type Seen = BTreeMap<String, BTreeSet<Uuid>>;

/// The id of the rule's target.
const TARGET: &str = "queue";
/// The most messages that SQS hands out at once.
const BATCH: i32 = 10;
/// The pause after a failure to receive.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a receive waits for a message, in seconds.
const WAIT_S: i32 = 1;
/// After this many seconds a message whose receipt was lost is received again.
const VISIBLE_AGAIN_S: &str = "3";
/// After this many receives without a message, nothing more comes: the first may have begun too early.
const QUIET: u32 = 2;
/// After a receive that failed, and may have taken messages with it: these come again in time.
const QUIET_AFTER_FAILURE: u32 = 5;
/// How long to wait for that.
const LONGEST: Duration = Duration::from_mins(1);

/// A subscriber to all events of the service.
pub(crate) struct Subscriber {
    sqs: aws_sdk_sqs::Client,
    bus: aws_sdk_eventbridge::Client,
    bus_name: String,
    /// The name of the queue and of the rule.
    name: String,
    queue_url: String,
    seen: Mutex<Seen>,
    /// How many receives without a message are missing until nothing more comes.
    missing: watch::Sender<u32>,
}

impl Subscriber {
    /// Subscribes under a name that no other run has.
    ///
    /// # Errors
    /// If the queue or the rule can't be made. What was made is removed then.
    pub(crate) async fn new(target: &Target, name: &str) -> Result<Arc<Self>> {
        let sqs = aws_sdk_sqs::Client::new(&target.aws.service("SQS").await);
        let bus = aws_sdk_eventbridge::Client::new(&target.aws.service("EVENTBRIDGE").await);
        let name = format!("traffic-{name}");
        let call = sqs.create_queue().queue_name(&name);
        let call = call.attributes(Attribute::VisibilityTimeout, VISIBLE_AGAIN_S);
        let made = call.send().await.context(|| "Failed to make a queue for the events.")?;
        let queue_url = made.queue_url.unwrap_or_default();
        let bus_name = target.bus.clone();
        let (seen, missing) = (Mutex::default(), watch::Sender::new(QUIET));
        let subscriber = Arc::new(Self { sqs, bus, bus_name, name, queue_url, seen, missing });
        if let Err(error) = subscriber.subscribe().await {
            subscriber.close().await;
            return Err(error);
        }
        Ok(subscriber)
    }

    async fn subscribe(&self) -> Result<()> {
        let failed = || "Failed to subscribe to the events.";
        let call = self.sqs.get_queue_attributes().queue_url(&self.queue_url);
        let found = call.attribute_names(Attribute::QueueArn).send().await.context(failed)?;
        let arn = found.attributes().and_then(|all| all.get(&Attribute::QueueArn));
        let arn = arn.ok_or_else(|| Error::new("The queue for the events has no ARN."))?;
        let allow = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "events.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }],
        });
        let call = self.sqs.set_queue_attributes().queue_url(&self.queue_url);
        call.attributes(Attribute::Policy, allow.to_string()).send().await.context(failed)?;
        let call = self.bus.put_rule().event_bus_name(&self.bus_name).name(&self.name);
        let pattern = json!({ "source": ["waybill"] }).to_string();
        call.event_pattern(pattern).send().await.context(failed)?;
        let target = RuleTarget::builder().id(TARGET).arn(arn).build().context(failed)?;
        let call = self.bus.put_targets().event_bus_name(&self.bus_name).rule(&self.name);
        let put = call.targets(target).send().await.context(failed)?;
        if put.failed_entry_count > 0 {
            return Err(Error::new("The event bus refused the queue as a target."));
        }
        Ok(())
    }

    /// Receives events until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            match self.receive().await {
                Ok(0) => self.missing.send_modify(|missing| *missing = missing.saturating_sub(1)),
                Ok(_) => self.expect(QUIET),
                Err(_) => {
                    self.expect(QUIET_AFTER_FAILURE);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn expect(&self, receives: u32) {
        self.missing.send_modify(|missing| *missing = receives.max(*missing));
    }

    /// Waits until no more events come.
    ///
    /// # Errors
    /// If events still come after a minute, or SQS does not answer.
    pub(crate) async fn quiet(&self) -> Result<()> {
        self.expect(QUIET);
        let mut missing = self.missing.subscribe();
        let wait = tokio::time::timeout(LONGEST, missing.wait_for(|missing| *missing == 0));
        wait.await.map(drop).context(|| "The queue of the events was not empty within a minute.")
    }

    /// Receives what is there. Returns how many messages came.
    async fn receive(&self) -> Result<usize> {
        let failed = || "Failed to receive events.";
        let call = self.sqs.receive_message().queue_url(&self.queue_url);
        let call = call.max_number_of_messages(BATCH).wait_time_seconds(WAIT_S);
        // A failure that the client repeats by itself would lose messages unnoticed.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let received = call.customize().config_override(once).send().await.context(failed)?;
        let messages = received.messages();
        self.note(messages);
        let entry = |message: &Message| {
            DeleteMessageBatchRequestEntry::builder()
                .set_id(message.message_id.clone())
                .set_receipt_handle(message.receipt_handle.clone())
                .build()
                .ok()
        };
        let done: Vec<_> = messages.iter().filter_map(entry).collect();
        if !done.is_empty() {
            let call = self.sqs.delete_message_batch().queue_url(&self.queue_url);
            call.set_entries(Some(done)).send().await.context(failed)?;
        }
        Ok(messages.len())
    }

    fn note(&self, messages: &[Message]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, order) in messages.iter().filter_map(|message| read(message.body()?)) {
            seen.entry(name).or_default().insert(order);
        }
    }

    /// The events so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Removes the rule and the queue. What can't be removed is left.
    pub(crate) async fn close(&self) {
        let call = self.bus.remove_targets().event_bus_name(&self.bus_name).rule(&self.name);
        let _ = call.ids(TARGET).send().await;
        let _ = self.bus.delete_rule().event_bus_name(&self.bus_name).name(&self.name).send().await;
        let _ = self.sqs.delete_queue().queue_url(&self.queue_url).send().await;
    }
}

/// The name and the order of an event.
fn read(body: &str) -> Option<(String, Uuid)> {
    let event: Value = serde_json::from_str(body).ok()?;
    let order = event.pointer("/detail/order_id")?.as_str()?.parse().ok()?;
    Some((event.get("detail-type")?.as_str()?.to_owned(), order))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_as_the_service_documents_it() {
        let sample = include_str!("../../docs/events/samples/OrderPlaced.json");
        let order = "019c8019-aa00-7a31-9c40-1f2e6ba0a415".parse().unwrap();
        assert_eq!(read(sample), Some(("OrderPlaced".to_owned(), order)));
        assert_eq!(read("{}"), None);
    }
}
