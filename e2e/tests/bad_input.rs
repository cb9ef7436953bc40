//! Malformed requests: the status, the named error, and that nothing is stored.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use e2e::{Answer, Stack, order_for, unique};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use uuid::Uuid;

/// What is wrong, the JSON pointer of a place in a valid order, and the value to put there; none removes
/// the place. The answer must name the place.
type Case = (&'static str, &'static str, Option<Value>);

fn cases() -> Vec<Case> {
    let line = json!({ "product_id": Uuid::nil(), "quantity": 1 });
    vec![
        ("no object", "", Some(json!([]))),
        ("null", "", Some(Value::Null)),
        ("an unknown field", "/coupon", Some(json!("FREE"))),
        ("an unknown field of an item", "/items/0/price_minor", Some(json!(1))),
        ("no items", "/items", None),
        ("empty items", "/items", Some(json!([]))),
        ("items that are no list", "/items", Some(line.clone())),
        ("101 lines", "/items", Some(json!(vec![line; 101]))),
        ("an item that is no object", "/items/1", Some(json!(7))),
        ("quantity 0", "/items/0/quantity", Some(json!(0))),
        ("quantity -1", "/items/0/quantity", Some(json!(-1))),
        ("quantity 10001", "/items/0/quantity", Some(json!(10_001))),
        ("quantity 1.5", "/items/0/quantity", Some(json!(1.5))),
        ("a quantity in words", "/items/0/quantity", Some(json!("1"))),
        ("a quantity beyond 64 bits", "/items/0/quantity", Some(json!(1e30))),
        ("no quantity", "/items/0/quantity", None),
        ("no product", "/items/1/product_id", None),
        ("a bad UUID", "/items/1/product_id", Some(json!("pen"))),
        ("no customer name", "/customer_name", None),
        ("a null customer name", "/customer_name", Some(Value::Null)),
        ("a blank customer name", "/customer_name", Some(json!("  "))),
        ("a long customer name", "/customer_name", Some(json!("x".repeat(201)))),
        ("a control character", "/customer_name", Some(json!("Ada\0"))),
        ("no email", "/customer_email", None),
        ("half an email", "/customer_email", Some(json!("ada@"))),
        ("two emails", "/customer_email", Some(json!("a@example.com, b@example.com"))),
        ("a second header", "/customer_email", Some(json!("a@example.com\r\nBcc: b@example.com"))),
    ]
}

/// Puts `value` at `place` of `order`, or removes the place.
fn spoil(order: &mut Value, place: &str, value: Option<Value>) {
    let Some((parent, last)) = place.rsplit_once('/') else {
        *order = value.unwrap();
        return;
    };
    match (order.pointer_mut(parent).unwrap(), value) {
        (Value::Object(fields), Some(value)) => _ = fields.insert(last.to_owned(), value),
        (Value::Object(fields), None) => _ = fields.remove(last).unwrap(),
        (_, value) => *order.pointer_mut(place).unwrap() = value.unwrap(),
    }
}

#[tokio::test]
async fn a_malformed_order_is_refused_with_the_place_of_its_error_and_stores_nothing() {
    let stack = Stack::connect().await;
    let (product, other) = (stack.stock_product(20_000).await, stack.stock_product(5).await);
    for (what, place, value) in cases() {
        let correlation_id = unique("bad-input");
        let mut order = order_for(&[(product, 1), (other, 1)]);
        spoil(&mut order, place, value);
        let answer = stack.post_order_as(&correlation_id, &order).await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), [place], "{what}: {answer:?}");
        assert_eq!(stack.orders_placed_under(&correlation_id).await, 0, "{what}");
    }
    assert_eq!(stack.stock_of(product).await, 20_000);
    assert_eq!(stack.orders_with(product).await, 0);
}

#[tokio::test]
async fn all_errors_of_an_order_are_named_at_once() {
    let stack = Stack::connect().await;
    let body = json!({
        "customer_email": "ada",
        "items": [{ "product_id": "pen", "quantity": 1 }, { "product_id": Uuid::nil(), "quantity": 0 }],
    });
    let answer = stack.post_order(&body).await;
    answer.assert_problem(400, "invalid-request");
    let mut places = answer.wrong_places();
    places.sort_unstable();
    let expected =
        ["/customer_email", "/customer_name", "/items/0/product_id", "/items/1/quantity"];
    assert_eq!(places, expected);
}

#[tokio::test]
async fn the_largest_order_is_accepted() {
    let stack = Stack::connect().await;
    let mut lines = Vec::new();
    for _ in 0..100 {
        lines.push((stack.stock_product(10_000).await, 10_000));
    }
    let placed = stack.place(&lines).await;
    assert_eq!(placed["item_count"], 100);
    assert_eq!(placed["total_minor"], 100 * 10_000 * 1250);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let stack = Stack::connect().await;
    for text in ["", "{", "{\"items\": [}", "not json", "{} {}"] {
        let request = stack.request(Method::POST, "/orders").body(text);
        let answer = Answer::to(request.header(CONTENT_TYPE, "application/json")).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), [""], "{text:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_cancel_with_a_body_changes_nothing() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(2).await;
    let order = stack.place(&[(product, 1)]).await;
    let path = format!("/orders/{}/cancel", order["id"].as_str().unwrap());
    let cancel = async |media_type: &str, body: &'static str| {
        let request = stack.request(Method::PATCH, &path).header(CONTENT_TYPE, media_type);
        Answer::to(request.body(body)).await
    };
    for (body, place) in [(r#"{"reason":"late"}"#, "/reason"), ("[]", ""), ("{", "")] {
        let answer = cancel("application/json", body).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), [place], "{body}: {answer:?}");
    }
    cancel("text/plain", "{}").await.assert_problem(415, "unsupported-media-type");
    assert_eq!(stack.stock_of(product).await, 1);
    assert_eq!(cancel("application/json", "{}").await.body["status"], "cancelled");
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(1).await;
    let body = order_for(&[(product, 1)]).to_string();
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
        let request = stack.request(Method::POST, "/orders").body(body.clone());
        let answer = Answer::to(request.header(CONTENT_TYPE, media_type)).await;
        answer.assert_problem(415, "unsupported-media-type");
    }
    assert_eq!(stack.stock_of(product).await, 1);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_even_if_it_is_valid() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(2).await;
    // Only white space can make a valid order 32 KiB long.
    let order = order_for(&[(product, 1)]).to_string();
    for (bytes, status) in [(32 * 1024, 201), (32 * 1024 + 1, 413)] {
        let padded = format!("{order:bytes$}");
        let request = stack.request(Method::POST, "/orders").body(padded);
        let answer = Answer::to(request.header(CONTENT_TYPE, "application/json")).await;
        assert_eq!(answer.status, status, "{bytes} bytes: {answer:?}");
        if status == 413 {
            answer.assert_problem(413, "body-too-large");
            assert_eq!(answer.wrong_places(), [""]);
        }
    }
    assert_eq!(stack.stock_of(product).await, 1);
}

#[tokio::test]
async fn the_limit_of_a_list_is_1_to_100() {
    let stack = Stack::connect().await;
    for route in ["/orders", "/products"] {
        for limit in ["0", "101", "-1", "abc", "", "1.5", "99999999999999999999"] {
            let answer = stack.get(&format!("{route}?limit={limit}")).await;
            answer.assert_problem(400, "invalid-request");
            assert_eq!(answer.wrong_places(), ["limit"], "{route} {limit:?}: {answer:?}");
        }
        assert_eq!(stack.get(&format!("{route}?limit=100")).await.status, 200);
        let misspelt = stack.get(&format!("{route}?limt=5")).await;
        assert_eq!(misspelt.wrong_places(), ["limt"], "{route}: {misspelt:?}");
    }
}

#[tokio::test]
async fn a_parameter_that_a_route_does_not_take_is_refused_by_its_name() {
    let stack = Stack::connect().await.as_staff();
    let id = Uuid::nil();
    for (method, path) in [
        (Method::POST, "/orders".to_owned()),
        (Method::GET, "/orders".to_owned()),
        (Method::GET, format!("/orders/{id}")),
        (Method::PATCH, format!("/orders/{id}/cancel")),
        (Method::PATCH, format!("/orders/{id}/status")),
        (Method::GET, "/products".to_owned()),
        (Method::GET, format!("/products/{id}")),
        (Method::PUT, format!("/products/{id}")),
        (Method::GET, "/health".to_owned()),
        (Method::GET, "/openapi.json".to_owned()),
        (Method::GET, "/docs".to_owned()),
        (Method::GET, "/problems/internal".to_owned()),
    ] {
        // Staff can't place orders, which is answered first.
        let stack = if method == Method::POST { &Stack::connect().await } else { &stack };
        let request = stack.request(method.clone(), &format!("{path}?dry_run=true&sort=asc"));
        let answer = Answer::to(request).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), ["dry_run", "sort"], "{method} {path}: {answer:?}");
    }
    for (method, path, status) in [(Method::GET, "/nothing", 404), (Method::DELETE, "/orders", 405)]
    {
        let answer = Answer::to(stack.request(method, &format!("{path}?sort=asc"))).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn an_id_is_a_uuid() {
    let stack = Stack::connect().await;
    for route in ["/orders", "/products"] {
        for id in ["1", "ORD-20260221-6BA0A415", "019b76daa80070008000000000000001", "%00"] {
            let answer = stack.get(&format!("{route}/{id}")).await;
            answer.assert_problem(400, "invalid-request");
            assert_eq!(answer.wrong_places(), ["id"], "{route} {id}: {answer:?}");
        }
    }
}
