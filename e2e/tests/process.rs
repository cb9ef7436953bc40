//! The deployed binaries as processes: how they start, what they do while something is missing, and
//! how they end.

use std::time::Duration;

use e2e::function::{Extensions, Function, bootstrap, forward, get, server};
use e2e::{Environment, eventually};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_variable_that_is_missing_ends_the_start_and_is_named_in_the_log() {
    for function in ["create-order", "get-order", "fulfill-order", "migrate"] {
        let end = Function::start(function, Extensions::Known, &[]).await.end().await;
        assert_eq!(end.code, Some(1), "{function}");
        let line = end.lines.last().unwrap();
        assert_eq!(line["function"], function);
        assert_eq!(line["level"], "ERROR");
        assert!(line["error"].as_str().unwrap().starts_with("DATABASE_URL is not set"), "{line}");
    }
}

#[tokio::test]
async fn a_function_that_starts_before_its_database_serves_once_that_is_up() {
    let environment = Environment::read();
    let server = server(&environment.database_url);
    // Nobody listens there yet.
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let url = environment.database_url.replace(server, &address.to_string());
    let mut function =
        Function::start("list-products", Extensions::Known, &[("DATABASE_URL", &url)]).await;
    function.says("Postgres can't be reached yet").await;
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(forward(listener, server.to_owned()));
    let answer = function.invoke(get("/products", &json!({}))).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
}

#[tokio::test]
async fn a_function_without_its_database_answers_503_and_says_when_to_come_again() {
    let variables = [
        ("DATABASE_URL", "postgres://waybill:hush@127.0.0.1:9/waybill?sslmode=disable"),
        ("DATABASE_CONNECT_TIMEOUT_SECONDS", "1"),
    ];
    let mut function = Function::start("list-orders", Extensions::Known, &variables).await;
    let answer = function.invoke(get("/orders", &json!({}))).await;
    assert_eq!(answer["statusCode"], 503, "{answer}");
    assert_eq!(answer["headers"]["retry-after"], "5");
    let body = answer["body"].as_str().unwrap();
    assert!(body.contains("/problems/unavailable") && !body.contains("127.0.0.1"), "{body}");

    function.terminate();
    let end = function.end().await;
    let log = serde_json::to_string(&end.lines).unwrap();
    assert!(log.contains("127.0.0.1:9") && !log.contains("hush"), "{log}");
}

#[tokio::test]
async fn sigterm_closes_the_connection_to_postgres_whether_extensions_are_known_or_not() {
    let environment = Environment::read();
    let server = server(&environment.database_url);
    for extensions in [Extensions::Known, Extensions::Unknown] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let url = environment.database_url.replace(server, &address);
        let sent = tokio::spawn(forward(listener, server.to_owned()));
        let mut function =
            Function::start("list-orders", extensions, &[("DATABASE_URL", &url)]).await;
        let answer = function.invoke(get("/orders", &json!({}))).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");

        function.terminate();
        assert_eq!(function.end().await.code, Some(0), "{extensions:?}");
        // The last message is Terminate: a type byte, and a length that counts itself alone.
        assert!(sent.await.unwrap().ends_with(b"X\0\0\0\x04"), "{extensions:?}");
    }
}

#[tokio::test]
async fn an_endpoint_for_one_service_alone_is_honoured() {
    let environment = Environment::read();
    let dynamodb = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", dynamodb.local_addr().unwrap());
    let _function = Function::start(
        "get-product",
        Extensions::Known,
        &[
            ("DATABASE_URL", &environment.database_url),
            ("PRODUCT_CACHE_TABLE", "any"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &endpoint),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ],
    )
    .await;
    let asked = eventually("a call to the endpoint", async || {
        let accepted = tokio::time::timeout(Duration::from_millis(50), dynamodb.accept()).await;
        accepted.ok()?.ok()
    });
    let (mut stream, _) = asked.await;
    let mut start = [0; 6];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"POST /");
}

#[test]
fn a_function_links_only_the_sdks_that_it_uses() {
    // What each SDK names in the header that selects an operation.
    let sdks = ["DynamoDB_20120810", "AmazonSQS.", "AWSEvents."];
    for (function, links) in [
        ("cancel-order", [false, false, false]),
        ("create-order", [true, true, false]),
        ("fulfill-order", [false, true, true]),
        ("get-order", [false, false, false]),
        ("get-product", [true, false, false]),
        ("health", [true, true, false]),
        ("list-orders", [false, false, false]),
        ("list-products", [false, false, false]),
        ("migrate", [false, false, false]),
        ("relay-outbox", [false, true, true]),
        ("update-order-status", [false, false, false]),
    ] {
        let binary = std::fs::read(bootstrap(function)).unwrap();
        let holds = |text: &str| binary.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        assert_eq!(sdks.map(holds), links, "{function}");
    }
}
