//! Another customer's order: only staff can tell that it exists.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use e2e::{Answer, CUSTOMER_SCOPES, Stack, order_for, unique};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

/// The requests that a customer may try with an order.
type Attempt = (&'static str, fn(&Stack, &str) -> RequestBuilder);

fn attempts() -> Vec<Attempt> {
    fn patch(stack: &Stack, id: &str, change: &str, if_match: &str) -> RequestBuilder {
        let request = stack.request(Method::PATCH, &format!("/orders/{id}/{change}"));
        request.header("if-match", if_match)
    }
    vec![
        ("read it", |stack, id| stack.request(Method::GET, &format!("/orders/{id}"))),
        ("read it with a parameter", |stack, id| {
            stack.request(Method::GET, &format!("/orders/{id}?expand=items"))
        }),
        ("cancel it", |stack, id| stack.request(Method::PATCH, &format!("/orders/{id}/cancel"))),
        ("cancel the version that it has", |stack, id| patch(stack, id, "cancel", "\"1\"")),
        ("cancel a version that it has not", |stack, id| patch(stack, id, "cancel", "\"7\"")),
        ("ship it", |stack, id| {
            patch(stack, id, "status", "\"1\"").json(&json!({ "status": "shipped" }))
        }),
        ("ship a version that it has not", |stack, id| {
            patch(stack, id, "status", "\"7\"").json(&json!({ "status": "shipped" }))
        }),
        ("make it what no order can be", |stack, id| {
            patch(stack, id, "status", "\"1\"").json(&json!({ "status": "lost" }))
        }),
    ]
}

/// The parts of an answer that must not differ, without `id`.
fn told(answer: &Answer, id: &str) -> (u16, Vec<String>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| {
        !["date", "x-correlation-id", "apigw-requestid"].contains(&name.as_str())
    });
    let mut headers: Vec<_> =
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    headers.sort();
    let mut body = answer.body.clone();
    if let Value::Object(members) = &mut body {
        members.remove("correlation_id");
    }
    (answer.status, headers, body.to_string().replace(id, "ID"))
}

#[tokio::test]
async fn an_order_of_another_customer_looks_like_one_that_does_not_exist() {
    let owner = Stack::connect().await.as_new_customer();
    let stranger = owner.as_new_customer();
    let order = owner.store_pending_order(&unique("owned")).await;
    let stored = owner.get(&format!("/orders/{order}")).await;
    assert_eq!(stored.status, 200, "{stored:?}");
    for (what, attempt) in attempts() {
        let (theirs, nobodys) = (order.to_string(), Uuid::now_v7().to_string());
        let answer = Answer::to(attempt(&stranger, &theirs)).await;
        let missing = Answer::to(attempt(&stranger, &nobodys)).await;
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        assert_eq!(told(&answer, &theirs), told(&missing, &nobodys), "{what}");
    }
    let read = stranger.get(&format!("/orders/{order}")).await;
    read.assert_problem(404, "order-not-found");
    assert_eq!(owner.get(&format!("/orders/{order}")).await.body, stored.body);
}

#[tokio::test]
async fn a_list_has_only_orders_of_the_caller() {
    let one = Stack::connect().await.as_new_customer();
    let other = one.as_new_customer();
    let mine = one.store_pending_order(&unique("listed")).await;
    let theirs = other.store_pending_order(&unique("listed")).await;
    for (caller, order) in [(&one, mine), (&other, theirs)] {
        let listed = caller.get("/orders?limit=100").await;
        let orders = listed.body["orders"].as_array().unwrap();
        let ids: Vec<_> = orders.iter().map(|order| order["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [order.to_string()]);
    }
}

#[tokio::test]
async fn a_key_of_one_customer_replays_nothing_for_another() {
    let one = Stack::connect().await.as_new_customer();
    let other = one.as_new_customer();
    let product = one.stock_product(5).await;
    let key = unique("shared-key");
    let post = async |stack: &Stack, quantity| {
        let request = stack.request(Method::POST, "/orders").header("idempotency-key", &key);
        Answer::to(request.json(&order_for(&[(product, quantity)]))).await
    };
    let first = post(&one, 1).await;
    assert_eq!(first.status, 201, "{first:?}");
    // Neither the same request nor another one reveals that the key was used.
    let second = post(&other, 2).await;
    assert_eq!(second.status, 201, "{second:?}");
    assert!(second.header("idempotent-replayed").is_empty(), "{second:?}");
    assert_ne!(first.body["id"], second.body["id"]);
    let replayed = post(&one, 1).await;
    assert_eq!(replayed.header("idempotent-replayed"), "true", "{replayed:?}");
    assert_eq!(replayed.body, first.body);
    assert_eq!(one.stock_of(product).await, 2);
}

#[tokio::test]
async fn the_owner_is_the_subject_and_not_the_token() {
    let stack = Stack::connect().await;
    let subject = unique("same");
    let token = || Some(stack.tokens().good(&subject, CUSTOMER_SCOPES));
    let order = stack.with_token(token()).store_pending_order(&unique("same")).await;
    let read_only = stack.with_token(Some(stack.tokens().good(&subject, "orders/read")));
    assert_eq!(read_only.get(&format!("/orders/{order}")).await.status, 200);
    // Subjects are compared exactly.
    for close in [subject.to_uppercase(), format!("{subject}1"), subject.replace("same", "%")] {
        let close = stack.with_token(Some(stack.tokens().good(&close, CUSTOMER_SCOPES)));
        assert_eq!(close.get(&format!("/orders/{order}")).await.status, 404);
    }
}

#[tokio::test]
async fn staff_read_list_and_cancel_orders_of_all_customers_under_their_own_name() {
    let owner = Stack::connect().await.as_new_customer();
    let staff = owner.as_staff();
    let order = owner.store_pending_order(&unique("for-staff")).await.to_string();
    let path = format!("/orders/{order}");
    let read = staff.get(&path).await;
    assert_eq!(read.body, owner.get(&path).await.body, "{read:?}");

    let listed = staff.get("/orders?limit=100").await;
    let mut ids = listed.body["orders"].as_array().unwrap().iter().map(|order| &order["id"]);
    assert!(ids.any(|id| *id == order.as_str()), "{listed:?}");

    let cancelled = Answer::to(staff.request(Method::PATCH, &format!("{path}/cancel"))).await;
    assert_eq!(cancelled.body["status"], "cancelled", "{cancelled:?}");
    assert_eq!(cancelled.body["history"][0]["actor"], owner.subject());
    assert_eq!(cancelled.body["history"][1]["actor"], staff.subject());
    assert_eq!(owner.get(&path).await.body, cancelled.body);
}
