//! Correlation ids in answers and logs, and personal data in logs.

use e2e::{Answer, Stack, order_for, unique};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn a_correlation_id_leads_from_the_request_to_the_log_of_fulfill_order() {
    let stack = Stack::connect().await;
    let correlation_id = unique("Followed.by_e2e");
    let order = order_for(&[(stack.stock_product(1).await, 1)]);
    let placed = stack.post_order_as(&correlation_id, &order).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(placed.header("x-correlation-id"), correlation_id);

    let confirmed = stack.confirmed(placed.text("/id")).await;
    for step in [0, 1] {
        assert_eq!(confirmed["history"][step]["correlation_id"], correlation_id);
    }
    for function in ["create-order", "fulfill-order"] {
        let lines = stack.logged(function, &correlation_id, 1).await;
        for line in &lines {
            assert_log_line(line, function);
            assert_eq!(line["correlation_id"], correlation_id, "{line}");
        }
        assert!(lines.iter().any(|line| line["order_id"] == placed.body["id"]), "{lines:?}");
    }
}

#[tokio::test]
async fn every_answer_has_a_correlation_id_and_keeps_a_valid_one_of_the_caller() {
    let stack = Stack::connect().await;
    let mine = unique("mine");
    let paths = ["/health", "/orders", "/orders/1", "/products", "/products/1", "/orders?limit=0"];
    for path in paths {
        let with = |id: &str| stack.request(Method::GET, path).header("x-correlation-id", id);
        assert_eq!(Answer::to(with(&mine)).await.header("x-correlation-id"), mine, "{path}");

        let too_long = "x".repeat(129);
        for not_sane in ["two words", "{}", &too_long] {
            let made = Answer::to(with(not_sane)).await;
            let made = made.header("x-correlation-id");
            assert!(!made.is_empty() && made != not_sane, "{path}: {made}");
        }
        let first = stack.get(path).await;
        let second = stack.get(path).await;
        assert!(!first.header("x-correlation-id").is_empty(), "{path}");
        assert_ne!(first.header("x-correlation-id"), second.header("x-correlation-id"), "{path}");
    }
}

#[tokio::test]
async fn logs_name_no_customer() {
    let stack = Stack::connect().await.as_new_customer();
    let product = stack.stock_product(1).await;
    let secret = unique("Zaphod").replace('-', "");
    let mut order = order_for(&[(product, 1)]);
    order["customer_name"] = secret.clone().into();
    order["customer_email"] = format!("{secret}@example.com").into();

    // An order that is stored, one without stock, and a malformed one.
    let mut correlation_ids = Vec::new();
    for status in [201, 409, 400] {
        let correlation_id = unique("discreet");
        if status == 400 {
            order["customer_email"] = format!("{secret}@").into();
            order[&secret] = Value::Null;
        }
        assert_eq!(stack.post_order_as(&correlation_id, &order).await.status, status);
        correlation_ids.push(correlation_id);
    }
    for correlation_id in &correlation_ids {
        stack.logged("create-order", correlation_id, 1).await;
    }
    stack.logged("fulfill-order", &correlation_ids[0], 1).await;
    for function in ["create-order", "fulfill-order", "get-order", "list-orders"] {
        for word in [&secret, &stack.subject(), "Bearer "] {
            let lines = stack.log_lines(function, word).await;
            assert!(lines.is_empty(), "{function}: {lines:?}");
        }
    }
}

/// Asserts that a log line has every common field.
fn assert_log_line(line: &Value, function: &str) {
    let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}"));
    let timestamp = text("timestamp");
    assert!(timestamp.ends_with('Z') && timestamp.parse::<jiff::Timestamp>().is_ok(), "{line}");
    assert!(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&text("level")), "{line}");
    assert_eq!(text("service"), "waybill", "{line}");
    assert_eq!(text("function"), function, "{line}");
    assert!(!text("message").is_empty() && !text("request_id").is_empty(), "{line}");
    assert!(line["cold_start"].is_boolean(), "{line}");
}
