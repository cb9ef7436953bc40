//! An environment that takes several invocations at once is killed, or has fewer connections than
//! invocations.

use e2e::eventually;
use testkit::fault::Fault;
use testkit::function::{Extensions, Function};

use crate::world::{FOREVER, World};

const AT_ONCE: usize = 4;

/// One connection less than invocations.
const VARIABLES: [(&str, &str); 2] =
    [("AWS_LAMBDA_MAX_CONCURRENCY", "4"), ("DATABASE_CONNECTIONS", "3")];

async fn start(world: &World) -> Function {
    world.start_on(Extensions::Known, "create-order", &VARIABLES).await
}

/// Sends orders while another session locks their product, and waits until as many statements wait
/// for it as there are connections.
async fn give_while_locked(world: &World, create: &Function) -> tokio_postgres::Client {
    let other = world.connect().await;
    other.batch_execute("BEGIN; SELECT FROM products FOR UPDATE").await.unwrap();
    for key in 0..AT_ONCE {
        create.give(world.request(&key.to_string())).await;
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name = 'waybill' AND wait_event_type = 'Lock'";
    eventually("three statements wait", async || (world.count(waiting).await == 3).then_some(()))
        .await;
    let connected = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'waybill'";
    assert_eq!(world.count(connected).await, 3, "the fourth waits for a connection");
    other
}

#[tokio::test]
async fn orders_are_placed_at_once_on_a_bounded_number_of_connections() {
    let world = World::new().await;
    let mut create = start(&world).await;
    let other = give_while_locked(&world, &create).await;
    other.batch_execute("COMMIT").await.unwrap();
    for _ in 0..AT_ONCE {
        assert!(world.accept(&create.answer().await));
    }
    world.recover().await;
    world.assert_whole(4).await;
}

#[tokio::test]
async fn killed_with_several_orders_under_way_is_repeated_for_each() {
    let world = World::new().await;
    let create = start(&world).await;
    let other = give_while_locked(&world, &create).await;
    create.kill().await;
    other.batch_execute("COMMIT").await.unwrap();

    let mut again = start(&world).await;
    for key in 0..AT_ONCE {
        world.place(&mut again, world.request(&key.to_string())).await;
    }
    world.recover().await;
    world.assert_whole(4).await;
}

#[tokio::test]
async fn answers_wait_for_no_send() {
    let world = World::new().await;
    let mut create = start(&world).await;
    world.sqs.fail(Fault::Slow(FOREVER));
    world.place(&mut create, world.request("a")).await;
    world.place(&mut create, world.request("b")).await;
    world.sqs.struck(2).await;
    world.sqs.clear();
    world.recover().await;
    world.assert_whole(2).await;
}
