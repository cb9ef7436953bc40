//! relay-outbox is killed, and EventBridge fails.

use e2e::eventually;
use serde_json::json;
use testkit::fault::Fault;
use testkit::proxy::Holds;

use crate::world::{FOREVER, World};

const A_JOB: &str = "kind = 'fulfillment_job'";
const AN_EVENT: &str = "kind <> 'fulfillment_job'";

#[tokio::test]
async fn killed_between_sending_and_settling_sends_again_after_its_lease() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.sqs.fail(Fault::Failing);
    for key in ["a", "b", "c"] {
        world.place_and_send(&mut create, world.request(key)).await;
    }
    world.sqs.clear();
    let relay = world.start("relay-outbox").await;
    world.due(3, A_JOB).await;
    world.sqs.fail(Fault::Slow(FOREVER));
    relay.give(json!({})).await;
    // The first call measures the queue. The second one sends the jobs.
    world.sqs.struck(1).await;
    world.sqs.fail(Fault::Slow(FOREVER));
    world.sqs.struck(1).await;
    eventually("the events are sent and deleted", async || {
        let events = world.count("SELECT count(*) FROM outbox WHERE kind <> 'fulfillment_job'");
        (events.await == 0).then_some(())
    })
    .await;
    // All jobs are sent. The next request to Postgres settles them.
    world.postgres.hold(Holds::Requests);
    world.sqs.clear();
    world.postgres.struck().await;
    relay.kill().await;
    world.postgres.release();
    let claimed = "SELECT count(*) FROM outbox WHERE leased_until IS NOT NULL AND attempts = 0";
    assert_eq!(world.count(claimed).await, 3);

    // Another relay sends them again after the lease.
    let mut relay = world.start("relay-outbox").await;
    world.due(3, A_JOB).await;
    let relayed = relay.invoke(json!({})).await;
    assert_eq!(relayed, json!({ "jobs": 3, "events": 0, "failed": 0 }));
    world.recover().await;
    world.assert_whole(3).await;
    assert_eq!(world.jobs.sent_twice(), 3);
    assert_eq!(world.events.sent_twice(), 0);
}

#[tokio::test]
async fn events_that_eventbridge_refused_are_kept_and_sent_later() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    let mut fulfill = world.start("fulfill-order").await;
    let mut relay = world.start("relay-outbox").await;
    world.eventbridge.fail(Fault::Failing);
    for key in ["a", "b", "c"] {
        world.place_and_send(&mut create, world.request(key)).await;
    }
    while world.deliver(&mut fulfill).await > 0 {
        fulfill.freezes().await;
    }
    assert_eq!(world.count("SELECT count(*) FROM orders WHERE status = 'confirmed'").await, 3);
    let tries = world.eventbridge.strikes();
    assert!(tries > 1, "{tries}");

    world.due(6, AN_EVENT).await;
    let relayed = relay.invoke(json!({})).await;
    assert_eq!(relayed, json!({ "jobs": 0, "events": 0, "failed": 6 }));
    let tries = world.eventbridge.strikes();
    world.eventbridge.clear();
    let attempts = world.count("SELECT min(attempts)::bigint FROM outbox").await;
    eprintln!("EventBridge refused {tries} calls; each event was tried {attempts} times or more");
    assert!(attempts >= 2);
    world.recover().await;
    world.assert_whole(3).await;
}
