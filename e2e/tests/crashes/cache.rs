//! DynamoDB fails.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use testkit::fault::Fault;

use crate::world::World;

/// The longest that a client waits: the functions' timeout.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn orders_and_products_are_served_while_dynamodb_is_down() {
    served_under(Fault::Down).await;
}

#[tokio::test]
async fn orders_and_products_are_served_while_dynamodb_answers_500() {
    served_under(Fault::Failing).await;
}

#[tokio::test]
async fn orders_and_products_are_served_while_dynamodb_is_slow() {
    served_under(Fault::Slow(Duration::from_secs(20))).await;
}

/// Starts functions during the fault, and then ends it.
async fn served_under(fault: Fault) {
    let world = World::new().await;
    world.dynamodb.fail(fault);
    let mut create = world.start("create-order").await;
    let mut took = Duration::ZERO;
    for key in ["a", "b", "c"] {
        let started = Instant::now();
        world.place_and_send(&mut create, world.request(key)).await;
        took = took.max(started.elapsed());
    }
    assert_eq!(world.dynamodb.strikes(), 0, "create-order does not use the cache");
    let mut read = world.start("get-product").await;
    for _ in 0..3 {
        let started = Instant::now();
        world.read_product(&mut read).await;
        took = took.max(started.elapsed());
    }
    // One at the start, one for the first read. After that the product is in memory.
    world.dynamodb.struck(2).await;
    let calls = world.dynamodb.strikes();
    eprintln!("{fault:?}: {calls} calls, the longest answer in {} ms", took.as_millis());
    assert!(took < LIMIT, "{took:?}");
    world.dynamodb.clear();

    // The cache is used again.
    world.read_product(&mut world.start("get-product").await).await;
    let key = AttributeValue::S(format!("product#{}", world.product));
    let item = world.stack.dynamodb.get_item().key("pk", key).consistent_read(true);
    let item = item.table_name(&world.stack.environment.product_cache_table).send().await.unwrap();
    assert!(item.item.is_some(), "the product is not in the cache");
    world.recover().await;
    world.assert_whole(3).await;
}
