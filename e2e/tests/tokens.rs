//! Invalid tokens are refused by the gateway, and store nothing.

use e2e::{Answer, Stack, Tokens, order_for, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::SystemTime;

fn seconds_from_now(seconds: i64) -> Value {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    now.cast_signed().saturating_add(seconds).into()
}

/// Asserts that every route refuses the token with `status`, and that the database does not change.
async fn assert_refused(status: u16, token: impl FnOnce(&Tokens) -> Option<String>) {
    let good = Stack::connect().await;
    let product = good.stock_product(1).await;
    let order = good.store_pending_order(&unique("mine")).await;
    // The token has every scope, so that a missing one is not the reason.
    let tokens = good.tokens().allowing("orders/read orders/write orders/staff");
    let stack = good.with_token(token(&tokens));

    let correlation_id = unique("refused");
    let posted = stack.post_order_as(&correlation_id, &order_for(&[(product, 1)])).await;
    assert_eq!(posted.status, status, "{posted:?}");
    for path in
        ["/orders", &format!("/orders/{order}"), "/products", &format!("/products/{product}")]
    {
        let read = stack.get(path).await;
        assert_eq!(read.status, status, "{path}: {read:?}");
        assert!(read.body.get("orders").is_none() && read.body.get("id").is_none(), "{read:?}");
    }
    let body = json!({ "status": "cancelled" });
    for change in ["cancel", "status"] {
        let request = stack.request(Method::PATCH, &format!("/orders/{order}/{change}"));
        let changed = Answer::to(request.header("if-match", "\"1\"").json(&body)).await;
        assert_eq!(changed.status, status, "{change}: {changed:?}");
    }
    assert_eq!(stack.orders_placed_under(&correlation_id).await, 0);
    assert_eq!((stack.stock_of(product).await, stack.orders_with(product).await), (1, 0));
    assert_eq!(stack.statuses_of(order).await, ["pending"]);
}

#[tokio::test]
async fn an_unchanged_token_is_accepted() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(1).await;
    let good = stack.with_token(Some(stack.tokens().with(json!({}))));
    good.place(&[(product, 1)]).await;
}

#[tokio::test]
async fn health_accepts_any_token_and_none() {
    let stack = Stack::connect().await;
    for token in [None, Some("garbage".to_owned())] {
        assert_eq!(stack.with_token(token).get("/health").await.status, 200);
    }
}

#[tokio::test]
async fn a_missing_token_is_refused() {
    assert_refused(401, |_| None).await;
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with(json!({ "exp": seconds_from_now(-60) })))).await;
}

#[tokio::test]
async fn a_token_that_is_not_valid_yet_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with(json!({ "nbf": seconds_from_now(60) })))).await;
}

#[tokio::test]
async fn a_token_that_never_expires_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with(json!({ "exp": null })))).await;
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let other = "https://issuer.example";
    assert_refused(401, |tokens| Some(tokens.with(json!({ "iss": other })))).await;
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with(json!({ "aud": "another-service" })))).await;
}

#[tokio::test]
async fn a_token_without_an_audience_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with(json!({ "aud": null })))).await;
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    assert_refused(401, |tokens| Some(tokens.unsigned())).await;
}

#[tokio::test]
async fn a_token_that_is_signed_with_the_public_key_as_a_secret_is_refused() {
    assert_refused(401, |tokens| Some(tokens.signed_with_the_public_key())).await;
}

#[tokio::test]
async fn a_token_whose_claims_were_changed_is_refused() {
    assert_refused(401, |tokens| Some(tokens.tampered(json!({ "sub": "root" })))).await;
}

#[tokio::test]
async fn a_token_of_an_unknown_key_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with_header(json!({ "kid": "unknown" })))).await;
}

#[tokio::test]
async fn a_token_without_a_key_id_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with_header(json!({ "kid": null })))).await;
}

#[tokio::test]
async fn garbage_is_refused() {
    for garbage in ["garbage", "a.b.c", "..", "e30.e30.e30"] {
        assert_refused(401, |_| Some(garbage.to_owned())).await;
    }
}

#[tokio::test]
async fn a_token_without_a_subject_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with(json!({ "sub": null })))).await;
    assert_refused(401, |tokens| Some(tokens.with(json!({ "sub": "" })))).await;
}

#[tokio::test]
async fn a_token_with_a_subject_that_is_too_long_is_refused() {
    assert_refused(401, |tokens| Some(tokens.with(json!({ "sub": "x".repeat(256) })))).await;
}

#[tokio::test]
async fn a_token_without_a_known_scope_is_refused() {
    for scope in [json!(null), json!(""), json!("openid email"), json!("orders/admin")] {
        assert_refused(403, |tokens| Some(tokens.with(json!({ "scope": scope })))).await;
    }
}

#[tokio::test]
async fn each_scope_opens_its_own_routes_and_no_others() {
    let stack = Stack::connect().await;
    let tokens = stack.tokens();
    let missing = uuid::Uuid::now_v7();
    let (order, product) = (format!("/orders/{missing}"), format!("/products/{missing}"));
    let (cancel, status) = (format!("{order}/cancel"), format!("{order}/status"));
    let routes = [
        (Method::POST, "/orders", ["orders/write"].as_slice()),
        (Method::GET, "/orders", &["orders/read", "orders/staff"]),
        (Method::GET, order.as_str(), &["orders/read", "orders/staff"]),
        (Method::PATCH, cancel.as_str(), &["orders/write", "orders/staff"]),
        (Method::PATCH, status.as_str(), &["orders/staff"]),
        (Method::GET, "/products", &["orders/read", "orders/staff"]),
        (Method::GET, product.as_str(), &["orders/read", "orders/staff"]),
    ];
    for scope in ["orders/read", "orders/write", "orders/staff"] {
        let stack = stack.with_token(Some(tokens.good(&unique("somebody"), scope)));
        for (method, path, opened_by) in &routes {
            let answer = Answer::to(stack.request(method.clone(), path)).await;
            let opened = opened_by.contains(&scope);
            assert_eq!(answer.status != 403, opened, "{scope} {method} {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let stack = Stack::connect().await;
    for path in ["/orders", "/orders/1", "/products", "/health", "/orders?limit=0"] {
        let answer = stack.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("strict-transport-security").starts_with("max-age="), "{path}");
        assert!(answer.header("access-control-allow-origin").is_empty(), "{path}");
    }
    for path in ["/orders", "/orders/1"] {
        assert_eq!(stack.get(path).await.header("cache-control"), "private, no-store", "{path}");
    }
}
