//! What the control API answers.

use reqwest::Method;
use reqwest::header::{ALLOW, CONTENT_TYPE, HOST, ORIGIN};
use serde_json::json;

use crate::stand::Stand;

const JSON: &str = "application/json";

#[tokio::test]
async fn every_fault_is_listed_with_what_it_does_and_what_can_be_set() {
    let stand = Stand::new().await;
    let list = stand.list().await;
    assert_eq!(list["history"], json!([]));
    let faults = list["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 16);
    for fault in faults {
        assert_eq!((&fault["state"], &fault["struck"]), (&json!("idle"), &json!(0)), "{fault}");
        assert!(fault["ends_at"].is_null(), "{fault}");
        assert!(fault["description"].as_str().unwrap().contains("Counts "), "{fault}");
        let for_s = json!({ "name": "for_s", "default": 10, "min": 1, "max": 600 });
        assert_eq!(fault["parameters"][0], for_s);
        let bypassed = fault["description"].as_str().unwrap().contains("bypasses the proxy");
        assert_eq!(bypassed, fault["target"] == "sqs", "{fault}");
    }
    let killed = faults.last().unwrap();
    let one_of = json!(["create-order", "get-order"]);
    assert_eq!(killed["parameters"][1]["one_of"], one_of);
}

#[tokio::test]
async fn several_faults_run_at_once_and_each_goes_into_the_history() {
    let stand = Stand::new().await;
    stand.strike("sqs-500", json!({})).await;
    let slow = stand.strike("dynamodb-slow", json!({ "for_s": 600, "delay_ms": 1 })).await;
    assert_eq!(slow["set"], json!({ "for_s": 600, "delay_ms": 1 }));
    assert!(slow["ends_at"].as_str() > slow["started_at"].as_str());
    stand.ask(stand.ports.sqs).await.unwrap();
    assert_eq!(stand.end("dynamodb-slow").await, 0);
    assert_eq!(stand.end("sqs-500").await, 1);
    assert_eq!(stand.end("sqs-500").await, 1, "ending is safe to repeat");

    let history = stand.list().await["history"].clone();
    let names: Vec<_> = history.as_array().unwrap().iter().map(|past| &past["name"]).collect();
    assert_eq!(names, ["dynamodb-slow", "sqs-500"]);
    let past = &history[1];
    assert_eq!((&past["struck"], &past["set"]), (&json!(1), &json!({ "for_s": 10 })));
    assert!(past["started_at"].as_str() <= past["ended_at"].as_str(), "{past}");
}

#[tokio::test]
async fn a_fault_ends_by_itself() {
    let stand = Stand::new().await;
    stand.strike("sqs-deaf", json!({ "for_s": 1 })).await;
    // Deaf until the fault ends.
    stand.ask(stand.ports.sqs).await.unwrap_err();
    let list = stand.list().await;
    assert_eq!(
        (&list["history"][0]["name"], &list["history"][0]["struck"]),
        (&json!("sqs-deaf"), &json!(1))
    );
    assert_eq!(stand.ask(stand.ports.sqs).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_fault_that_is_active_starts_anew() {
    let stand = Stand::new().await;
    stand.strike("sqs-500", json!({ "for_s": 600 })).await;
    stand.ask(stand.ports.sqs).await.unwrap();
    let again = stand.strike("sqs-500", json!({ "for_s": 5 })).await;
    assert_eq!((&again["struck"], &again["set"]["for_s"]), (&json!(0), &json!(5)));
    assert_eq!(stand.list().await["history"][0]["struck"], 1);
    assert_eq!(stand.ask(stand.ports.sqs).await.unwrap().0, 500);
}

#[tokio::test]
async fn a_target_has_one_fault_at_a_time() {
    let stand = Stand::new().await;
    stand.strike("postgres-slow", json!({})).await;
    let headers = [(CONTENT_TYPE, JSON)];
    let (status, _, problem) =
        stand.call(Method::PUT, "/faults/postgres-stopped", &headers, "{}").await;
    assert_eq!(status, 409);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("postgres-slow is active until"), "{detail}");
    assert!(detail.contains("DELETE /faults/postgres-slow"), "{detail}");
    stand.end("postgres-stopped").await;
    assert_eq!(stand.list().await["history"], json!([]), "the other fault goes on");
}

#[tokio::test]
async fn an_error_says_what_is_wrong() {
    let stand = Stand::new().await;
    let (get, put, post) = (Method::GET, Method::PUT, Method::POST);
    let json = (CONTENT_TYPE, JSON);
    for (method, path, headers, body, status, detail) in [
        (&get, "/", vec![], "", 404, "Only /faults"),
        (
            &get,
            "/faults/gremlins",
            vec![],
            "",
            404,
            "no fault \"gremlins\". The faults are: postgres-stopped, ",
        ),
        (&put, "/faults", vec![json.clone()], "{}", 405, "Use one of: GET."),
        (&post, "/faults/sqs-500", vec![json.clone()], "{}", 405, "Use one of: GET, PUT, DELETE."),
        (&put, "/faults/sqs-500", vec![], "{}", 415, "application/json"),
        (
            &put,
            "/faults/sqs-500",
            vec![(CONTENT_TYPE, "text/plain")],
            "{}",
            415,
            "application/json",
        ),
        (&put, "/faults/sqs-500", vec![json.clone()], r#"{"for_s":0}"#, 400, "for_s is 0"),
        (&put, "/faults/sqs-500", vec![json.clone()], &" ".repeat(4097), 413, "4096 bytes"),
    ] {
        let (answered, headers, problem) = stand.call(method.clone(), path, &headers, body).await;
        assert_eq!(answered, status, "{problem}");
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(headers.contains_key(ALLOW), status == 405);
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    assert_eq!(stand.list().await["history"], json!([]));
}

#[tokio::test]
async fn requests_of_web_pages_from_elsewhere_are_refused() {
    let stand = Stand::new().await;
    for (host, origin, expected) in [
        ("127.0.0.1:4570", None, 200),
        ("localhost", None, 200),
        ("LOCALHOST:80", Some("http://127.0.0.1:9000"), 200),
        ("[::1]:4570", Some("http://[::1]"), 200),
        ("rebound.example", None, 403),
        ("127.0.0.1.example", None, 403),
        ("localhost.example:4570", None, 403),
        ("someone@127.0.0.1", None, 403),
        ("10.0.0.1", None, 403),
        ("", None, 403),
        ("127.0.0.1", Some("https://evil.example"), 403),
        ("127.0.0.1", Some("http://localhost.evil.example"), 403),
        ("127.0.0.1", Some("null"), 403),
        ("127.0.0.1", Some(""), 403),
    ] {
        let mut headers = vec![(HOST, host), (CONTENT_TYPE, JSON)];
        headers.extend(origin.map(|origin| (ORIGIN, origin)));
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let path = "/faults/sqs-slow";
            let (status, ..) = stand.call(method, path, &headers, "{}").await;
            assert_eq!(status, expected, "{host:?} {origin:?}");
        }
    }
    let history = stand.list().await["history"].as_array().unwrap().len();
    assert_eq!(history, 4, "only those that were allowed started a fault");
}
