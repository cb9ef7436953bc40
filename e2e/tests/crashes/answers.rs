//! Postgres carries out a statement, and its answer is lost.

use e2e::order_for;
use serde_json::{Value, json};
use testkit::function::{change, post};

use crate::world::World;

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

/// A request for one piece, without an idempotency key.
fn bare(world: &World) -> Value {
    let mut event = post("/orders", "unused", &order_for(&[(world.product, 1)]));
    event["headers"].as_object_mut().unwrap().remove("idempotency-key");
    event
}

#[tokio::test]
async fn an_order_for_the_last_stock_is_answered_as_placed() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    for (placed, event) in [(1, bare(&world)), (2, world.request("a"))] {
        world.leave(1).await;
        let answer = world.invoke_losing_an_answer(&mut create, event).await;
        assert!(world.accept(&answer), "{answer}");
        assert_eq!(answer["headers"].get("idempotent-replayed"), None, "{answer}");
        assert_eq!(world.orders().await, placed);
        assert_eq!(world.count("SELECT stock::bigint FROM products").await, 0);
    }
}

#[tokio::test]
async fn changes_are_answered_as_made() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.leave(1).await;
    let order = body(&world.place_and_send(&mut create, bare(&world)).await);
    let id = order["id"].as_str().unwrap();

    let mut update = world.start("update-order-status").await;
    let path = format!("/orders/{id}/status");
    let confirm = change("PATCH", &path, id, "\"1\"", &json!({ "status": "confirmed" }));
    let confirmed = world.invoke_losing_an_answer(&mut update, confirm).await;
    assert_eq!((&confirmed["statusCode"], &body(&confirmed)["version"]), (&json!(200), &json!(2)));

    let mut cancel = world.start("cancel-order").await;
    let path = format!("/orders/{id}/cancel");
    let event = change("PATCH", &path, id, "\"2\"", &json!({}));
    let cancelled = world.invoke_losing_an_answer(&mut cancel, event).await;
    assert_eq!((&cancelled["statusCode"], &body(&cancelled)["version"]), (&json!(200), &json!(3)));
    assert_eq!(world.count("SELECT stock::bigint FROM products").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM order_history").await, 3);

    let mut put = world.start("put-product").await;
    let id = world.product.to_string();
    let product = json!({
        "name": "Enamel mug", "currency": "EUR", "price_minor": 1500, "stock": 0, "active": true,
    });
    let event = change("PUT", &format!("/products/{id}"), &id, "\"1-1\"", &product);
    let changed = world.invoke_losing_an_answer(&mut put, event).await;
    assert_eq!((&changed["statusCode"], &body(&changed)["stock"]), (&json!(200), &json!(0)));
    assert_eq!(world.count("SELECT version FROM products").await, 2);
}

#[tokio::test]
async fn a_confirmation_is_made_once_and_acknowledged() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.place_and_send(&mut create, world.request("a")).await;
    let (event, handles) = world.receive().await.unwrap();
    let mut fulfill = world.start("fulfill-order").await;
    let answer = world.invoke_losing_an_answer(&mut fulfill, event).await;
    assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
    for handle in &handles {
        world.jobs.delete(handle).await;
    }
    world.recover().await;
    world.assert_whole(1).await;
}
