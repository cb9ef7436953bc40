//! From a message in the queue to the order.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, resume_unwind};

use e2e::{Answer, Stack, job, unique};
use futures_util::FutureExt;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

/// How many valid jobs are in a batch with a bad one.
const VALID_JOBS: usize = 9;

/// The `maxReceiveCount` of the queue in template.yaml.
const TRIES: usize = 5;

/// Ten messages sent in one call. The one in the middle can never be handled.
struct Batch {
    /// What is wrong with it.
    what: &'static str,
    poison: String,
    /// Identifies its log lines: its correlation id, or else its message id.
    trace: String,
    /// The orders of the valid jobs, with their correlation ids.
    orders: Vec<(Uuid, String)>,
}

impl Batch {
    async fn send(
        stack: &Stack,
        what: &'static str,
        poison: String,
        trace: Option<String>,
    ) -> Self {
        let mut orders = Vec::new();
        for _ in 0..VALID_JOBS {
            let correlation_id = unique("neighbour");
            orders.push((stack.store_pending_order(&correlation_id).await, correlation_id));
        }
        let mut bodies: Vec<_> = orders.iter().map(|(order, id)| job(*order, id)).collect();
        bodies.insert(VALID_JOBS / 2, poison.clone());
        let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
        let message_ids = stack.enqueue(&bodies).await;
        let trace = trace.unwrap_or_else(|| message_ids[VALID_JOBS / 2].clone());
        Self { what, poison, trace, orders }
    }

    /// Waits until nine orders are confirmed, and the bad message is a dead letter.
    async fn settle(&self, stack: &Stack) {
        for (order, _) in &self.orders {
            stack.confirmed(&order.to_string()).await;
        }
        stack.take_dead_letter(&self.poison).await;
    }

    /// Checks the history and the log.
    async fn check(&self, stack: &Stack) {
        let requests = |lines: &[Value]| -> BTreeSet<String> {
            lines.iter().map(|line| line["request_id"].as_str().unwrap().to_owned()).collect()
        };
        let poison = stack.logged("fulfill-order", &self.trace, TRIES).await;
        let (mut deliveries, mut confirmations, mut invocations) = (0, 0, BTreeSet::new());
        for (order, correlation_id) in &self.orders {
            assert_eq!(stack.statuses_of(*order).await, ["pending", "confirmed"]);
            // One line for each delivery; other lines are about the event.
            let mut lines = stack.logged("fulfill-order", correlation_id, 1).await;
            lines.retain(|line| line["message"].as_str().unwrap().starts_with("order "));
            deliveries += lines.len();
            let confirmed = |line: &&Value| line["message"] == "order confirmed";
            let confirmed = lines.iter().filter(confirmed).count();
            assert_eq!(confirmed, 1, "{lines:?}");
            confirmations += confirmed;
            invocations.append(&mut requests(&lines));
        }
        let together = invocations.intersection(&requests(&poison)).count();
        eprintln!(
            "{}: {VALID_JOBS} valid jobs confirmed {confirmations} times by {deliveries} deliveries \
             in {} invocations, {together} of them with the bad one, a dead letter after {} tries",
            self.what,
            invocations.len(),
            poison.len(),
        );
        assert_eq!(poison.len(), TRIES, "{poison:?}");
        assert!(together > 0, "the bad message was never delivered with another one");
    }
}

#[tokio::test]
async fn one_bad_message_of_ten_becomes_a_dead_letter_and_nine_orders_are_confirmed_once() {
    let stack = Stack::connect().await;
    let malformed = format!("{{ {}", unique("malformed"));
    let from_the_future = job(Uuid::now_v7(), &unique("future")).replace(r#""v":1"#, r#""v":2"#);
    let orphan = unique("without-order");
    let without_order = job(Uuid::now_v7(), &orphan);

    // The real timeout of three minutes would make five deliveries take too long.
    let usual = stack.visibility_timeout().await;
    stack.set_visibility_timeout("1").await;
    let outcome = AssertUnwindSafe(async {
        let batches = [
            Batch::send(&stack, "malformed", malformed, None).await,
            Batch::send(&stack, "from the future", from_the_future, None).await,
            Batch::send(&stack, "without an order", without_order, Some(orphan)).await,
        ];
        for batch in &batches {
            batch.settle(&stack).await;
        }
        batches
    })
    .catch_unwind()
    .await;
    stack.set_visibility_timeout(&usual).await;
    for batch in outcome.unwrap_or_else(|panic| resume_unwind(panic)) {
        batch.check(&stack).await;
    }
}

#[tokio::test]
async fn a_job_that_is_delivered_twice_confirms_once() {
    let stack = Stack::connect().await;
    for in_one_batch in [true, false] {
        let correlation_id = unique("twice");
        let order = stack.store_pending_order(&correlation_id).await;
        let job = job(order, &correlation_id);
        if in_one_batch {
            stack.enqueue(&[&job, &job]).await;
        } else {
            stack.enqueue(&[&job]).await;
            stack.confirmed(&order.to_string()).await;
            stack.enqueue(&[&job]).await;
        }
        // One line for each delivery: both have been handled.
        stack.logged("fulfill-order", &correlation_id, 2).await;
        assert_eq!(stack.statuses_of(order).await, ["pending", "confirmed"]);
    }
}

#[tokio::test]
async fn a_late_job_does_not_change_a_cancelled_order() {
    let stack = Stack::connect().await;
    let correlation_id = unique("late");
    let order = stack.store_pending_order(&correlation_id).await;
    let cancel = stack.request(Method::PATCH, &format!("/orders/{order}/cancel"));
    assert_eq!(Answer::to(cancel).await.status, 200);
    stack.enqueue(&[&job(order, &correlation_id)]).await;
    stack.logged("fulfill-order", &correlation_id, 1).await;
    assert_eq!(stack.statuses_of(order).await, ["pending", "cancelled"]);
}
