//! `make story`, of orders of the running stack.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Output;

use e2e::{Answer, Stack, eventually, order_for, unique};
use reqwest::Method;
use tokio::process::Command;

/// Runs `waybill-local story`, as in a shell that has sourced `stack.env`.
async fn story(subject: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let runner = root.join("target/debug/waybill-local");
    assert!(runner.exists(), "`cargo build -p waybill-local` makes {}", runner.display());
    let mut command = Command::new(runner);
    command.args(["story", "--", subject]).current_dir(root);
    command.kill_on_drop(true).output().await.unwrap()
}

/// The story, once it has all of these words, and the traces of all lines in it have arrived.
async fn story_with(subject: &str, words: &[&str]) -> String {
    eventually(&format!("the story of {subject} has {words:?}"), async || {
        let output = story(subject).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let is_whole = !text.contains("without a trace");
        (is_whole && words.iter().all(|word| text.contains(word))).then_some(text)
    })
    .await
}

#[tokio::test]
async fn an_order_is_followed_from_its_request_over_the_queue_to_its_events() {
    let stack = Stack::connect().await.as_new_customer();
    let order = order_for(&[(stack.stock_product(5).await, 1)]);
    let [placing, cancel] = ["story-placing", "story-cancel"].map(unique);
    let placed = stack.post_order_as(&placing, &order).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let id = placed.text("/id");
    stack.confirmed(id).await;
    let path = format!("/orders/{id}/cancel");
    let request = stack.request(Method::PATCH, &path).header("x-correlation-id", &cancel);
    assert_eq!(Answer::to(request).await.status, 200);

    let words = [
        "POST /orders 201",
        "place_order",
        "send job to FulfillmentQueue",
        "wait in the queue",
        "process message confirmed",
        "confirm_orders",
        "send OrderPlaced to ",
        "send OrderConfirmed to ",
        "INFO mail sent",
        "INFO order confirmed",
        "PATCH /orders/{id}/cancel 200",
        "change_status",
        &placing,
        &cancel,
    ];
    for subject in [id, placed.text("/number"), &placing] {
        let text = story_with(subject, &words).await;
        assert!(!text.contains(&stack.subject()), "{text}");
    }
}

#[tokio::test]
async fn a_refused_request_has_a_story_and_an_unknown_order_an_error() {
    let stack = Stack::connect().await.as_new_customer();
    let correlation_id = unique("story-refused");
    let order = order_for(&[(stack.stock_product(1).await, 2)]);
    assert_eq!(stack.post_order_as(&correlation_id, &order).await.status, 409);
    story_with(&correlation_id, &["No order", "409 insufficient-stock", "place_order"]).await;

    for (subject, expected) in [
        (&*unique("nobody"), "No log line and no trace mentions"),
        ("ORD-1", "ORD-1 is not an order number"),
        ("", "Name an order"),
    ] {
        let output = story(subject).await;
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(expected), "{error}");
    }
}
