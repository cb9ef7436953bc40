//! fulfill-order killed.

use e2e::fault::Fault;
use e2e::gate::Holds;

use crate::world::{FOREVER, World};

#[tokio::test]
async fn killed_between_commit_and_acknowledgement_confirms_once() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    for key in ["a", "b", "c"] {
        world.place(&mut create, world.request(key)).await;
    }
    let (event, handles) = world.receive().await.unwrap();
    let fulfill = world.start("fulfill-order").await;
    world.postgres.hold(Holds::Answers);
    fulfill.give(event).await;
    world.postgres.struck().await;
    let confirmed = "SELECT count(*) FROM orders WHERE status = 'confirmed'";
    let before = world.count(confirmed).await;
    fulfill.kill().await;
    world.postgres.hold(Holds::Nothing);
    assert_eq!(before, i64::try_from(handles.len()).unwrap(), "it had not committed");

    // Nobody deleted the messages, and so they come again.
    world.recover().await;
    let repeated = world.jobs.delivered_twice();
    eprintln!("{before} jobs were confirmed and not acknowledged, {repeated} were delivered again");
    assert!(repeated >= handles.len());
    world.assert_whole(3).await;
}

#[tokio::test]
async fn killed_between_sending_and_settling_its_events_sends_them_again() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    for key in ["a", "b", "c"] {
        world.place(&mut create, world.request(key)).await;
    }
    let (event, handles) = world.receive().await.unwrap();
    let fulfill = world.start("fulfill-order").await;
    world.eventbridge.fail(Fault::Slow(FOREVER));
    fulfill.give(event).await;
    // The events are sent, and what it says next to Postgres is what became of them.
    world.eventbridge.struck(1).await;
    world.postgres.hold(Holds::Requests);
    world.eventbridge.mend();
    world.postgres.struck().await;
    fulfill.kill().await;
    world.postgres.hold(Holds::Nothing);
    let kept = "SELECT count(*) FROM outbox WHERE kind = 'OrderConfirmed' AND attempts = 1";
    assert_eq!(world.count(kept).await, i64::try_from(handles.len()).unwrap());

    world.recover().await;
    world.assert_whole(3).await;
    // Those of the batch, and the `OrderPlaced` of each order.
    assert_eq!(world.events.sent_twice(), 3 + handles.len());
}
