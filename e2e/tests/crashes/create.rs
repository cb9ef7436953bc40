//! create-order killed.

use e2e::fault::Fault;
use e2e::gate::Holds;

use crate::world::{FOREVER, World};

#[tokio::test]
async fn killed_before_its_statement_has_stored_nothing_and_is_repeated() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.place(&mut create, world.request("first")).await;
    world.postgres.hold(Holds::Requests);
    create.give(world.request("a")).await;
    world.postgres.struck().await;
    create.kill().await;
    world.postgres.hold(Holds::Nothing);
    assert_eq!(world.orders().await, 1);

    let mut again = world.start("create-order").await;
    world.place(&mut again, world.request("a")).await;
    world.recover().await;
    world.assert_whole(2).await;
}

#[tokio::test]
async fn killed_between_statement_and_send_is_fulfilled_by_the_relay() {
    let world = World::new().await;
    let create = world.start("create-order").await;
    world.sqs.fail(Fault::Deaf);
    create.give(world.request("a")).await;
    world.sqs.struck(1).await;
    create.kill().await;
    assert_eq!(world.orders().await, 1);
    world.sqs.mend();
    assert!(world.receive().await.is_none(), "the job was sent after all");

    let mut again = world.start("create-order").await;
    let answer = world.place(&mut again, world.request("a")).await;
    assert_eq!(answer["headers"]["idempotent-replayed"], "true", "{answer}");
    world.recover().await;
    world.assert_whole(1).await;
}

#[tokio::test]
async fn killed_between_send_and_answer_is_answered_when_repeated() {
    let world = World::new().await;
    let create = world.start("create-order").await;
    world.sqs.fail(Fault::Slow(FOREVER));
    create.give(world.request("a")).await;
    world.sqs.struck(1).await;
    create.kill().await;
    assert_eq!(world.orders().await, 1);
    world.sqs.mend();
    assert!(world.receive().await.is_some(), "the job was not sent");

    let mut again = world.start("create-order").await;
    let answer = world.place(&mut again, world.request("a")).await;
    assert_eq!(answer["headers"]["idempotent-replayed"], "true", "{answer}");
    world.recover().await;
    world.assert_whole(1).await;
}
