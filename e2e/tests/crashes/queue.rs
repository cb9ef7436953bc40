//! SQS fails.

use std::time::{Duration, Instant};

use futures_util::future::join;
use serde_json::json;
use testkit::fault::Fault;
use testkit::function::Function;

use crate::world::World;

/// The longest that a client waits: the timeout of create-order.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn orders_accepted_while_sqs_is_down_are_fulfilled_later() {
    let world = orders_accepted_under(Fault::Down).await;
    assert_eq!(world.jobs.sent_twice(), 0, "SQS was down");
}

#[tokio::test]
async fn orders_accepted_while_sqs_answers_500_are_fulfilled_later() {
    let world = orders_accepted_under(Fault::Failing).await;
    assert_eq!(world.jobs.sent_twice(), 0, "SQS did nothing");
}

#[tokio::test]
async fn orders_accepted_while_sqs_is_slow_are_fulfilled_once() {
    let world = orders_accepted_under(Fault::Slow(Duration::from_secs(20))).await;
    // Each send that was given up had succeeded.
    assert_eq!(world.jobs.sent_twice(), 4);
}

/// Places orders from two processes, one of which starts during the fault; lets the relay fail to
/// send their jobs; and then ends the fault.
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
    // One call an order, and one at the cold start. More are retries.
    assert!(calls > 5, "{calls}");
    assert!(took < LIMIT, "{took:?}");
    world.recover().await;
    world.assert_whole(4).await;
    world
}
