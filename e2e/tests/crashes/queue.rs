//! SQS failing.

use std::time::{Duration, Instant};

use futures_util::future::join;
use serde_json::json;
use testkit::fault::Fault;
use testkit::function::Function;

use crate::world::World;

/// What API Gateway's clients of create-order wait for at most: the function's timeout.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn orders_accepted_while_sqs_is_down_are_fulfilled_later() {
    let world = orders_accepted_under(Fault::Down).await;
    assert_eq!(world.jobs.sent_twice(), 0, "it was down");
}

#[tokio::test]
async fn orders_accepted_while_sqs_answers_500_are_fulfilled_later() {
    let world = orders_accepted_under(Fault::Failing).await;
    assert_eq!(world.jobs.sent_twice(), 0, "it did nothing");
}

#[tokio::test]
async fn orders_accepted_while_sqs_is_slow_are_fulfilled_once() {
    let world = orders_accepted_under(Fault::Slow(Duration::from_secs(20))).await;
    // What was given up was done all the same, each time.
    assert_eq!(world.jobs.sent_twice(), 4);
}

/// Orders from two processes, one of which starts while the fault lasts; then a relay that can't
/// send the jobs either, and then the end of it.
async fn orders_accepted_under(fault: Fault) -> World {
    let world = World::new().await;
    let (mut warm, mut relay) =
        join(world.start("create-order"), world.start("relay-outbox")).await;
    world.sqs.fail(fault);
    let place = async |create: &mut Function, key: &str| {
        let started = Instant::now();
        world.place(create, world.request(key)).await;
        let took = started.elapsed();
        create.freezes().await;
        took
    };
    let from_warm = async { place(&mut warm, "a").await.max(place(&mut warm, "b").await) };
    let from_cold = async {
        let mut cold = world.start("create-order").await;
        place(&mut cold, "c").await.max(place(&mut cold, "d").await)
    };
    let (warm_took, cold_took) = join(from_warm, from_cold).await;
    world.read_product(&mut world.start("get-product").await).await;
    let calls = world.sqs.strikes();

    world.due(4, "kind = 'fulfillment_job'").await;
    let relayed = relay.invoke(json!({})).await;
    assert_eq!((&relayed["jobs"], &relayed["events"]), (&json!(0), &json!(4)), "{relayed}");
    world.sqs.clear();
    let took = warm_took.max(cold_took);
    eprintln!("{fault:?}: 4 orders made {calls} calls, the longest in {} ms", took.as_millis());
    // One call each, and one at a cold start: whatever is above that was a retry.
    assert!(calls > 5, "{calls}");
    assert!(took < LIMIT, "{took:?}");
    world.recover().await;
    world.assert_whole(4).await;
    world
}
