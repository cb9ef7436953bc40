//! A queue, and what was received from it.

use std::collections::HashMap;
use std::sync::Mutex;

use aws_sdk_sqs::types::{Message, QueueAttributeName};
use e2e::Stack;
use serde_json::{Value, json};
use testkit::sdk::Queue;
use uuid::Uuid;

/// A queue of fulfillment jobs, or of a subscriber to order events.
pub(crate) struct Inbox {
    pub(crate) url: String,
    queue: Queue,
    sqs: aws_sdk_sqs::Client,
    came: Mutex<Copies>,
}

/// For each job or event of an order, the id of every message received with it.
type Copies = HashMap<(String, Uuid), Vec<String>>;

impl Inbox {
    /// Creates a queue with this visibility timeout.
    pub(crate) async fn create(stack: &Stack, name: &str, visibility_seconds: &str) -> Self {
        let attributes = [(QueueAttributeName::VisibilityTimeout, visibility_seconds)];
        let queue = Queue::create(&stack.sqs, name, &attributes).await;
        Self { url: queue.url.clone(), queue, sqs: stack.sqs.clone(), came: Mutex::default() }
    }

    /// Creates a queue that subscribes to a new bus.
    pub(crate) async fn subscribe(stack: &Stack, bus: &str) -> Self {
        let rule = format!("{bus}-events");
        let inbox = Self::create(stack, &rule, "30").await;
        let events = &stack.eventbridge;
        events.create_event_bus().name(bus).send().await.unwrap();
        let pattern = json!({ "source": ["waybill"] });
        inbox.queue.subscribe(events, bus, &rule, &pattern).await;
        inbox
    }

    /// Receives up to ten messages.
    pub(crate) async fn receive(&self) -> Vec<Message> {
        let call = self.sqs.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let messages = call.send().await.unwrap().messages.unwrap_or_default();
        let mut came = self.came.lock().unwrap();
        for message in &messages {
            let id = message.message_id().unwrap().to_owned();
            came.entry(subject(message.body().unwrap())).or_default().push(id);
        }
        messages
    }

    /// Deletes a message.
    pub(crate) async fn delete(&self, handle: &str) {
        let delete = self.sqs.delete_message().queue_url(&self.url).receipt_handle(handle);
        delete.send().await.unwrap();
    }

    /// Whether it has no messages, visible or in flight.
    pub(crate) async fn is_empty(&self) -> bool {
        self.queue.is_empty().await
    }

    /// Whether this was received.
    pub(crate) fn has_seen(&self, kind: &str, order: Uuid) -> bool {
        self.came.lock().unwrap().contains_key(&(kind.to_owned(), order))
    }

    /// How many jobs or events were received.
    pub(crate) fn seen(&self) -> usize {
        self.came.lock().unwrap().len()
    }

    /// How many of them were received more than once.
    pub(crate) fn delivered_twice(&self) -> usize {
        self.came.lock().unwrap().values().filter(|ids| ids.len() > 1).count()
    }

    /// How many of them were received in more than one message.
    pub(crate) fn sent_twice(&self) -> usize {
        let came = self.came.lock().unwrap();
        came.values().filter(|ids| ids.iter().any(|id| *id != ids[0])).count()
    }
}

/// The kind of a message, and the order that it is about.
fn subject(body: &str) -> (String, Uuid) {
    let body: Value = serde_json::from_str(body).unwrap();
    let (kind, order) = match body["detail-type"].as_str() {
        Some(event) => (event, &body["detail"]["order_id"]),
        None => ("fulfillment_job", &body["order_id"]),
    };
    (kind.to_owned(), order.as_str().unwrap().parse().unwrap())
}
