//! A read-only server, like the old primary for a while after a failover.

use serde_json::json;
use testkit::function::get;

use crate::world::World;

/// Makes the database read-only or writable for new connections.
async fn read_only(world: &World, on: bool) {
    let sql = "SELECT format('ALTER DATABASE %I SET default_transaction_read_only = %s',
                             current_database(), $1::boolean)";
    let sql: String = world.database.query_one(sql, &[&on]).await.unwrap().get(0);
    let writable = "SET default_transaction_read_only = off";
    world.database.batch_execute(&format!("{writable}; {sql}")).await.unwrap();
}

#[tokio::test]
async fn orders_are_refused_while_the_server_is_read_only() {
    let world = World::new().await;
    let (mut create, mut read) =
        (world.start("create-order").await, world.start("get-order").await);
    let placed = world.place_and_send(&mut create, world.request("a")).await;
    let id = placed["headers"]["location"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();

    // The connections end, and new ones are read-only.
    read_only(&world, true).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'waybill'";
    world.database.query(end, &[]).await.unwrap();
    let refused = create.invoke(world.request("b")).await;
    assert_eq!(refused["statusCode"], 503, "{refused}");
    assert_eq!(refused["headers"]["retry-after"], "5", "{refused}");
    let order = read.invoke(get(&format!("/orders/{id}"), &json!({ "id": id }))).await;
    assert_eq!(order["statusCode"], 200, "{order}");

    // New connections can write again. The read-only ones are replaced at once.
    read_only(&world, false).await;
    world.place_and_send(&mut create, world.request("b")).await;
    world.recover().await;
    world.assert_whole(2).await;
}
