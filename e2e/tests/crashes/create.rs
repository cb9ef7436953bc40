//! create-order is killed or frozen.

use std::time::SystemTime;

use serde_json::json;
use testkit::fault::Fault;
use testkit::function::Extensions;
use testkit::proxy::Holds;

use crate::world::{FOREVER, World};

const WORK_FIRST: [(&str, &str); 1] = [("WORK_BEFORE_ANSWER", "true")];

#[tokio::test]
async fn an_event_that_is_no_request_is_an_error_that_is_not_logged_and_ends_nothing() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    for event in [json!("ada@example.com"), json!({ "body": "ada@example.com" }), json!([])] {
        let answer = create.invoke(event).await;
        assert!(answer["errorType"].is_string(), "{answer}");
    }
    world.place(&mut create, world.request("a")).await;
    create.freezes().await;
    create.terminate();
    let lines = create.end().await.lines;
    assert!(!lines.iter().any(|line| line.to_string().contains("ada@")), "{lines:#?}");
    world.recover().await;
    world.assert_whole(1).await;
}

#[tokio::test]
async fn killed_before_its_statement_has_stored_nothing_and_is_repeated() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.place(&mut create, world.request("first")).await;
    world.postgres.hold(Holds::Requests);
    create.give(world.request("a")).await;
    world.postgres.struck().await;
    create.kill().await;
    world.postgres.release();
    assert_eq!(world.orders().await, 1);

    let mut again = world.start("create-order").await;
    world.place(&mut again, world.request("a")).await;
    world.recover().await;
    world.assert_whole(2).await;
}

#[tokio::test]
async fn killed_after_the_answer_and_before_the_send_is_fulfilled_by_the_relay() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.sqs.fail(Fault::Deaf);
    world.place(&mut create, world.request("a")).await;
    world.sqs.struck(1).await;
    create.kill().await;
    world.sqs.clear();
    assert!(world.receive().await.is_none(), "the job was sent");

    let mut again = world.start("create-order").await;
    let answer = world.place(&mut again, world.request("a")).await;
    assert_eq!(answer["headers"]["idempotent-replayed"], "true", "{answer}");
    world.recover().await;
    world.assert_whole(1).await;
}

#[tokio::test]
async fn frozen_with_the_send_half_way_is_fulfilled_once() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.sqs.fail(Fault::Slow(FOREVER));
    world.place(&mut create, world.request("a")).await;
    world.sqs.struck(1).await;
    create.stop();
    // SQS has the job, but the function has no answer.
    world.sqs.clear();
    create.go_on();
    create.freezes().await;
    world.place(&mut create, world.request("b")).await;
    create.freezes().await;
    world.recover().await;
    world.assert_whole(2).await;
}

#[tokio::test]
async fn a_deaf_sqs_delays_no_answer_and_no_freezing_beyond_the_deadline() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.sqs.fail(Fault::Deaf);
    world.place(&mut create, world.request("a")).await;
    create.freezes().await;
    assert!(SystemTime::now() < create.deadline(), "frozen after the deadline");
    world.sqs.clear();
    world.place(&mut create, world.request("b")).await;
    create.freezes().await;
    world.recover().await;
    world.assert_whole(2).await;
}

#[tokio::test]
async fn the_job_is_sent_first_where_work_comes_before_the_answer() {
    let world = World::new().await;
    let mut create = world.start_on(Extensions::Known, "create-order", &WORK_FIRST).await;
    world.sqs.fail(Fault::Slow(FOREVER));
    create.give(world.request("a")).await;
    world.sqs.struck(1).await;
    assert!(!create.has_answered(), "answered before SQS");
    world.sqs.clear();
    assert!(world.accept(&create.answer().await));
    world.recover().await;
    world.assert_whole(1).await;
}

#[tokio::test]
async fn an_answer_waits_for_no_send_on_a_platform_without_extensions() {
    let world = World::new().await;
    let mut create = world.start_on(Extensions::Unknown, "create-order", &[]).await;
    world.sqs.fail(Fault::Slow(FOREVER));
    world.place(&mut create, world.request("a")).await;
    world.sqs.struck(1).await;
    world.sqs.clear();
    create.freezes().await;
    assert!(world.receive().await.is_some(), "the job was not sent");
    world.recover().await;
    world.assert_whole(1).await;
}

#[tokio::test]
async fn killed_while_its_answer_waits_for_the_send_is_answered_when_repeated() {
    let world = World::new().await;
    let create = world.start_on(Extensions::Known, "create-order", &WORK_FIRST).await;
    world.sqs.fail(Fault::Slow(FOREVER));
    create.give(world.request("a")).await;
    world.sqs.struck(1).await;
    create.kill().await;
    assert_eq!(world.orders().await, 1);
    world.sqs.clear();
    assert!(world.receive().await.is_some(), "the job was not sent");

    let mut again = world.start("create-order").await;
    let answer = world.place(&mut again, world.request("a")).await;
    assert_eq!(answer["headers"]["idempotent-replayed"], "true", "{answer}");
    world.recover().await;
    world.assert_whole(1).await;
}
