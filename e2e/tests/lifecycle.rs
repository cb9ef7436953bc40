//! The life of an order, as customers and staff change it.

use e2e::{Answer, Stack, order_for, unique};
use reqwest::Method;
use serde_json::{Value, json};

async fn patch(stack: &Stack, path: &str, if_match: Option<&str>, body: Option<Value>) -> Answer {
    let mut request = stack.request(Method::PATCH, path);
    if let Some(etag) = if_match {
        request = request.header("if-match", etag);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    Answer::to(request).await
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_response_again_byte_for_byte() {
    let stack = Stack::connect().await;
    let pens = stack.stock_product(10).await;
    let key = unique("key");
    let post = async |key: &str| {
        let request = stack.request(Method::POST, "/orders").json(&order_for(&[(pens, 4)]));
        let response = request.header("idempotency-key", key).send().await.unwrap();
        let replayed = response.headers().contains_key("idempotent-replayed");
        (response.status().as_u16(), replayed, response.text().await.unwrap())
    };
    let first = post(&key).await;
    assert_eq!((first.0, first.1), (201, false));
    let id = serde_json::from_str::<Value>(&first.2).unwrap()["id"].as_str().unwrap().to_owned();
    // Even after the order has changed.
    stack.confirmed(&id).await;
    // A quoted key is the same as a bare one.
    for same in [key.clone(), format!("\"{key}\"")] {
        let again = post(&same).await;
        assert_eq!((again.0, again.1, &again.2), (201, true, &first.2));
    }
    assert_eq!(stack.stock_of(pens).await, 6);
    assert_eq!(stack.orders_with(pens).await, 1);
}

#[tokio::test]
async fn a_key_is_refused_if_it_is_reused_or_malformed() {
    let stack = Stack::connect().await;
    let pens = stack.stock_product(10).await;
    let post = async |key: &str, quantity| {
        let request = stack.request(Method::POST, "/orders").json(&order_for(&[(pens, quantity)]));
        Answer::to(request.header("idempotency-key", key)).await
    };
    let key = unique("key");
    assert_eq!(post(&key, 1).await.status, 201);
    post(&key, 2).await.assert_problem(422, "idempotency-key-reused");
    for key in ["two words", "\"\"", &"x".repeat(256)] {
        let refused = post(key, 1).await;
        refused.assert_problem(400, "invalid-request");
        assert_eq!(refused.wrong_places(), ["Idempotency-Key"]);
    }
    assert_eq!(stack.stock_of(pens).await, 9);
}

#[tokio::test]
async fn a_cancelled_order_gives_its_stock_back_once() {
    let stack = Stack::connect().await;
    let pens = stack.stock_product(10).await;
    let order = stack.place(&[(pens, 4)]).await;
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    let cancelled = patch(&stack, &format!("{path}/cancel"), None, None).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.body["status"], "cancelled");
    assert_eq!(cancelled.body["next_statuses"], json!([]));
    assert_eq!(cancelled.body["items"], order["items"]);
    // As after a lost answer, with the old version or without.
    for seen in [None, Some(cancelled.header("etag"))] {
        let again = patch(&stack, &format!("{path}/cancel"), seen, None).await;
        assert_eq!((again.status, &again.body), (200, &cancelled.body));
    }
    assert_eq!(stack.stock_of(pens).await, 10);
    assert_eq!(stack.get(&path).await.body, cancelled.body);
}

#[tokio::test]
async fn staff_change_the_status_of_an_order_with_the_version_that_they_saw() {
    let stack = Stack::connect().await;
    let pens = stack.stock_product(10).await;
    let order = stack.place(&[(pens, 1)]).await;
    let id = order["id"].as_str().unwrap();
    stack.confirmed(id).await;
    let path = format!("/orders/{id}");
    let read = stack.get(&path).await;
    let etag = read.header("etag").to_owned();
    assert_eq!(etag, "\"2\"");
    assert_eq!(read.body["next_statuses"], json!(["shipped", "cancelled"]));

    let to = |status: &str| Some(json!({ "status": status }));
    let staff = stack.as_staff();
    let change = async |if_match: Option<&str>, body| {
        patch(&staff, &format!("{path}/status"), if_match, body).await
    };
    change(None, to("shipped")).await.assert_problem(428, "precondition-required");
    change(Some("\"1\""), to("shipped")).await.assert_problem(412, "version-mismatch");
    change(Some(&etag), to("delivered")).await.assert_problem(409, "illegal-transition");
    change(Some(&etag), to("lost")).await.assert_problem(400, "invalid-request");
    change(Some(&etag), Some(json!({}))).await.assert_problem(400, "invalid-request");
    change(Some("2"), to("shipped")).await.assert_problem(400, "invalid-request");
    assert_eq!(stack.get(&path).await.body, read.body);

    let shipped = change(Some(&etag), to("shipped")).await;
    assert_eq!((shipped.status, shipped.header("etag")), (200, "\"3\""), "{shipped:?}");
    let delivered = change(Some("\"3\""), to("delivered")).await;
    assert_eq!(delivered.body["status"], "delivered", "{delivered:?}");
    let way: Vec<_> =
        delivered.body["history"].as_array().unwrap().iter().map(|it| &it["to"]).collect();
    assert_eq!(way, ["pending", "confirmed", "shipped", "delivered"]);
    assert_eq!(delivered.body["history"][0]["actor"], stack.subject());
    assert_eq!(delivered.body["history"][3]["actor"], staff.subject());
}

#[tokio::test]
async fn an_order_that_does_not_exist_can_not_be_changed() {
    let stack = Stack::connect().await;
    let path = format!("/orders/{}", uuid::Uuid::now_v7());
    let cancelled = patch(&stack, &format!("{path}/cancel"), None, None).await;
    cancelled.assert_problem(404, "order-not-found");
    let body = Some(json!({ "status": "shipped" }));
    let changed = patch(&stack.as_staff(), &format!("{path}/status"), Some("\"1\""), body).await;
    changed.assert_problem(404, "order-not-found");
    let cancelled = patch(&stack, "/orders/1/cancel", None, None).await;
    cancelled.assert_problem(400, "invalid-request");
}

#[tokio::test]
async fn the_relay_sends_a_lost_job_again() {
    let stack = Stack::connect().await;
    let order = stack.store_pending_order(&unique("lost")).await;
    stack
        .database
        .execute(
            "UPDATE outbox x
             SET available_at = now(),
                 payload = jsonb_build_object(
                     'v', 1, 'order_id', o.id, 'number', o.number, 'items', '[]'::jsonb,
                     'correlation_id', 'lost', 'placed_at', o.created_at)
             FROM orders o
             WHERE o.id = $1 AND x.id = o.id",
            &[&order],
        )
        .await
        .unwrap();
    stack.invoke("relay-outbox").await;
    stack.confirmed(&order.to_string()).await;
    let sql = "SELECT count(*) FROM outbox WHERE id = $1";
    let waiting: i64 = stack.database.query_one(sql, &[&order]).await.unwrap().get(0);
    assert_eq!(waiting, 0);
}
