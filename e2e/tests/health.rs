//! The health route.

use e2e::Stack;
use jiff::{Timestamp, Unit};
use serde_json::json;

#[tokio::test]
async fn health_says_ok() {
    let answer = Stack::connect().await.get("/health").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body, json!({ "status": "ok" }));
}

#[tokio::test]
async fn deep_health_checks_every_dependency() {
    let answer = Stack::connect().await.get("/health?deep=true").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["status"], "ok");
    let age = Timestamp::now() - answer.text("/checked_at").parse::<Timestamp>().unwrap();
    assert!(age.total(Unit::Second).unwrap() < 10.0, "{answer:?}");
    for dependency in ["postgres", "product_cache", "fulfillment_queue"] {
        let said = &answer.body["dependencies"][dependency];
        assert_eq!(said["status"], "ok", "{dependency}: {said}");
        assert!(said["duration_ms"].is_number(), "{dependency}: {said}");
    }
}

#[tokio::test]
async fn any_value_of_deep_but_true_and_false_is_refused() {
    let stack = Stack::connect().await.with_token(None);
    assert_eq!(stack.get("/health?deep=false").await.body, json!({ "status": "ok" }));
    for deep in ["deep=1", "deep=yes", "deep=", "deep=True", "deep=true&deep=true"] {
        let answer = stack.get(&format!("/health?{deep}")).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), ["deep"], "{deep}: {answer:?}");
    }
}
