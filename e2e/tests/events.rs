//! Order events, as a subscriber receives them.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;

use e2e::{Answer, Stack, eventually, order_for, unique};
use futures_util::FutureExt;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::sdk::Queue;

/// The order, and the name of the event.
type Key = (String, String);

/// A queue that subscribes to the stack's bus.
struct Subscriber<'a> {
    stack: &'a Stack,
    name: String,
    queue: String,
    /// The events received so far.
    events: BTreeMap<Key, Vec<Value>>,
}

impl<'a> Subscriber<'a> {
    /// Subscribes as docs/events/README.md says.
    async fn new(stack: &'a Stack) -> Self {
        let name = unique("subscriber");
        let queue = Queue::create(&stack.sqs, &name, &[]).await;
        let pattern = json!({ "source": ["waybill"] });
        let bus = &stack.environment.stack_name;
        queue.subscribe(&stack.eventbridge, bus, &name, &pattern).await;
        let queue = queue.url;
        Self { stack, name, queue, events: BTreeMap::new() }
    }

    /// Waits until each of these events has arrived.
    async fn receives(&mut self, expected: &[(&str, &str)]) {
        eventually(&format!("{expected:?} arrive"), async || {
            let call = self.stack.sqs.receive_message().queue_url(&self.queue);
            let received = call.max_number_of_messages(10).send().await.unwrap();
            for message in received.messages() {
                let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                let id = event["detail"]["order_id"].as_str().unwrap().to_owned();
                let key = (id, event["detail-type"].as_str().unwrap().to_owned());
                self.events.entry(key).or_default().push(event);
                let delete = self.stack.sqs.delete_message().queue_url(&self.queue);
                delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
            }
            let here = |&(id, name): &(&str, &str)| {
                self.events.contains_key(&(id.to_owned(), name.to_owned()))
            };
            expected.iter().all(here).then_some(())
        })
        .await;
    }

    async fn unsubscribe(&self) {
        let (bus, events) = (&self.stack.environment.stack_name, &self.stack.eventbridge);
        let targets = events.remove_targets().event_bus_name(bus).rule(&self.name);
        targets.ids("queue").send().await.unwrap();
        events.delete_rule().event_bus_name(bus).name(&self.name).send().await.unwrap();
        self.stack.sqs.delete_queue().queue_url(&self.queue).send().await.unwrap();
    }
}

/// Changes the status of an order as staff.
async fn patch(stack: &Stack, path: &str, correlation_id: &str, body: Option<Value>) {
    let staff = stack.as_staff();
    let read = staff.get(path.rsplit_once('/').unwrap().0).await;
    let mut request = staff
        .request(Method::PATCH, path)
        .header("if-match", read.header("etag"))
        .header("x-correlation-id", correlation_id);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = Answer::to(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn assert_as_documented(name: &str, event: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events");
    let schema = fs::read(file.join(format!("{name}.schema.json"))).unwrap();
    let schema = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&serde_json::from_slice(&schema).unwrap())
        .unwrap();
    let wrong: Vec<_> = schema.iter_errors(&event["detail"]).map(|it| it.to_string()).collect();
    assert!(wrong.is_empty(), "{event}: {wrong:?}");
    assert_eq!(event["source"], "waybill");
}

#[tokio::test]
async fn a_subscriber_receives_an_event_for_every_step_of_an_order() {
    let stack = Stack::connect().await;
    let mut subscriber = Subscriber::new(&stack).await;
    let outcome = AssertUnwindSafe(follow(&stack, &mut subscriber)).catch_unwind().await;
    subscriber.unsubscribe().await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

async fn follow(stack: &Stack, subscriber: &mut Subscriber<'_>) {
    let pens = stack.stock_product(10).await;
    let words = ["kept", "called-off", "shipping", "delivery", "cancel"].map(unique);
    let [kept, called_off, shipping, delivery, cancel] = &words;
    let mut ids = Vec::new();
    for correlation_id in [kept, called_off] {
        let placed = stack.post_order_as(correlation_id, &order_for(&[(pens, 2)])).await;
        assert_eq!(placed.status, 201, "{placed:?}");
        ids.push(placed.text("/id").to_owned());
    }
    let [first, second] = [&*ids[0], &*ids[1]];
    stack.confirmed(first).await;
    stack.confirmed(second).await;
    // fulfill-order sends them; the relay is not needed.
    let early = [first, second].map(|id| [(id, "OrderPlaced"), (id, "OrderConfirmed")]);
    subscriber.receives(early.as_flattened()).await;

    let path = format!("/orders/{first}/status");
    patch(stack, &path, shipping, Some(json!({ "status": "shipped" }))).await;
    patch(stack, &path, delivery, Some(json!({ "status": "delivered" }))).await;
    patch(stack, &format!("/orders/{second}/cancel"), cancel, None).await;
    stack.invoke("relay-outbox").await;
    let late = [(first, "OrderShipped"), (first, "OrderDelivered"), (second, "OrderCancelled")];
    subscriber.receives(&late).await;

    let mut counts = BTreeMap::<_, usize>::new();
    for (id, name, correlation_id) in [
        (first, "OrderPlaced", kept),
        (first, "OrderConfirmed", kept),
        (first, "OrderShipped", shipping),
        (first, "OrderDelivered", delivery),
        (second, "OrderPlaced", called_off),
        (second, "OrderConfirmed", called_off),
        (second, "OrderCancelled", cancel),
    ] {
        let copies = &subscriber.events[&(id.to_owned(), name.to_owned())];
        *counts.entry(name).or_default() += copies.len();
        for event in copies {
            assert_as_documented(name, event);
            assert_eq!(event["detail"]["correlation_id"], **correlation_id, "{event}");
        }
        if name == "OrderPlaced" {
            assert_eq!(copies[0]["detail"]["total_minor"], 2500);
            assert_eq!(copies[0]["detail"]["customer_email"], "ada@example.com");
        }
    }
    let of_others = subscriber.events.len() - 7;
    eprintln!("7 events of 2 orders arrived: {counts:?}; {of_others} of other orders");
    let of_ours = subscriber.events.keys().filter(|(id, _)| ids.contains(id)).count();
    assert_eq!(of_ours, 7, "the number of events");
}
