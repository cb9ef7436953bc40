//! fulfill-order is killed, or its bus is deaf.

use std::time::{Duration, Instant};

use e2e::eventually;
use serde_json::Value;
use testkit::fault::Fault;
use testkit::proxy::Holds;
use uuid::Uuid;

use crate::world::{FOREVER, World};

/// Far below the function's timeout of 30 s, and long enough for a busy machine.
const LIMIT: Duration = Duration::from_secs(10);

/// Places three orders, and receives the jobs of some or all of them in one batch.
async fn three_jobs(world: &World) -> (Value, Vec<String>) {
    let mut create = world.start("create-order").await;
    for key in ["a", "b", "c"] {
        world.place_and_send(&mut create, world.request(key)).await;
    }
    world.receive().await.unwrap()
}

#[tokio::test]
async fn killed_between_commit_and_acknowledgement_confirms_once() {
    let world = World::new().await;
    let (event, handles) = three_jobs(&world).await;
    let fulfill = world.start("fulfill-order").await;
    world.postgres.hold(Holds::Answers);
    fulfill.give(event).await;
    world.postgres.struck().await;
    let confirmed = "SELECT count(*) FROM orders WHERE status = 'confirmed'";
    let before = world.count(confirmed).await;
    fulfill.kill().await;
    world.postgres.release();
    assert_eq!(before, i64::try_from(handles.len()).unwrap(), "fulfill-order had not committed");

    // The messages were not deleted, so they are delivered again.
    world.recover().await;
    let repeated = world.jobs.delivered_twice();
    eprintln!("{before} jobs were confirmed and not acknowledged, {repeated} were delivered again");
    assert!(repeated >= handles.len());
    world.assert_whole(3).await;
}

#[tokio::test]
async fn killed_between_sending_and_settling_its_events_sends_them_again() {
    let world = World::new().await;
    let (event, handles) = three_jobs(&world).await;
    let fulfill = world.start("fulfill-order").await;
    world.eventbridge.fail(Fault::Slow(FOREVER));
    fulfill.give(event).await;
    // The events are sent. The next request to Postgres settles them.
    world.eventbridge.struck(1).await;
    world.postgres.hold(Holds::Requests);
    world.eventbridge.clear();
    world.postgres.struck().await;
    fulfill.kill().await;
    world.postgres.release();
    let kept = "SELECT count(*) FROM outbox
                WHERE kind = 'OrderConfirmed' AND leased_until IS NOT NULL";
    assert_eq!(world.count(kept).await, i64::try_from(handles.len()).unwrap());

    world.recover().await;
    world.assert_whole(3).await;
    // The events of the batch, and the `OrderPlaced` of each order.
    assert_eq!(world.events.sent_twice(), 3 + handles.len());
}

/// How many events wait when the bus goes deaf: more than one batch sends.
const BACKLOG: i64 = 400;

#[tokio::test]
async fn a_deaf_bus_with_a_backlog_delays_no_acknowledgement_and_loses_no_event() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    let mut fulfill = world.start("fulfill-order").await;
    world.eventbridge.fail(Fault::Deaf);
    for key in ["a", "b", "c"] {
        world.place_and_send(&mut create, world.request(key)).await;
    }
    let sql = "INSERT INTO outbox (id, order_id, kind, payload, correlation_id)
               SELECT gen_random_uuid(), o.id, 'Backlog-' || n,
                      jsonb_build_object('order_id', o.id), 'a'
               FROM (SELECT id FROM orders ORDER BY id LIMIT 1) o, generate_series(1, $1::bigint) n
               RETURNING order_id";
    let rows = world.database.query(sql, &[&BACKLOG]).await.unwrap();
    let order: Uuid = rows[0].get(0);
    let mut took = Duration::ZERO;
    loop {
        let started = Instant::now();
        if world.deliver(&mut fulfill).await == 0 {
            break;
        }
        took = took.max(started.elapsed());
    }
    world.eventbridge.struck(1).await;
    let tries = world.eventbridge.strikes();
    eprintln!("{tries} calls to a deaf bus, the longest batch took {} ms", took.as_millis());
    assert!(took < LIMIT, "{took:?}");
    let confirmed = "SELECT count(*) FROM orders WHERE status = 'confirmed'";
    assert_eq!(world.count(confirmed).await, 3);
    let kept = "SELECT count(*) FROM outbox WHERE kind LIKE 'Backlog-%'";
    assert_eq!(world.count(kept).await, BACKLOG);

    world.eventbridge.clear();
    world.recover().await;
    world.assert_whole(3).await;
    assert_eq!(world.jobs.delivered_twice(), 0);
    eventually("the backlog has arrived", async || {
        while !world.events.receive().await.is_empty() {}
        let arrived = |n| world.events.has_seen(&format!("Backlog-{n}"), order);
        (1..=BACKLOG).all(arrived).then_some(())
    })
    .await;
}
