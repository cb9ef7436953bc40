//! Another session locks a row for longer than a client waits.

use e2e::eventually;

use crate::world::World;

#[tokio::test]
async fn an_order_that_timed_out_is_never_stored() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.database.batch_execute("BEGIN; SELECT FROM products FOR UPDATE").await.unwrap();
    let mut event = world.request("unused");
    event["headers"].as_object_mut().unwrap().remove("idempotency-key");
    let answer = create.invoke(event).await;
    assert_eq!(answer["statusCode"], 503, "{answer}");
    assert_eq!(answer["headers"]["retry-after"], "5", "{answer}");
    world.database.batch_execute("COMMIT").await.unwrap();

    let active = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                  AND application_name = 'waybill' AND state = 'active'";
    eventually("no statement is active", async || (world.count(active).await == 0).then_some(()))
        .await;
    assert_eq!(world.orders().await, 0);
    world.place_and_send(&mut create, world.request("a")).await;
    world.recover().await;
    world.assert_whole(1).await;
}
