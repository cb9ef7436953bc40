//! The deployed binaries as processes: start, missing dependencies, and shutdown.

use std::time::Duration;

use e2e::{Environment, Stack, eventually, order_for, unique};
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};
use testkit::function::{Extensions, Function, bootstrap, get, post};
use testkit::proxy::{Proxy, authority};
use testkit::unused_address;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// The caller, since a process has no authorizer.
const CALLER: (&str, &str) = ("WAYBILL_WATCH_CALLER", "ada orders/read");

/// For functions that make cursors.
const CURSOR_SECRET: (&str, &str) = ("CURSOR_SECRET", "for these tests, and for nothing else");

#[tokio::test]
async fn a_list_does_not_start_without_a_cursor_secret_or_with_a_short_one() {
    for function in ["list-orders", "list-products"] {
        for variables in [&[][..], &[("CURSOR_SECRET", "hush, hush")]] {
            let end = Function::start(function, Extensions::Known, variables).await.end().await;
            assert_eq!(end.code, Some(1), "{function}");
            let line = end.lines.last().unwrap().to_string();
            assert!(line.contains("CURSOR_SECRET") && line.contains("32 bytes"), "{line}");
            assert!(!line.contains("hush"), "{line}");
        }
    }
}

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
async fn a_function_that_starts_before_its_database_serves_once_the_database_is_up() {
    let environment = Environment::read();
    let server = authority(&environment.database_url);
    let address = unused_address();
    let url = environment.database_url.replace(server, &address.to_string());
    let variables = [("DATABASE_URL", url.as_str()), CALLER, CURSOR_SECRET];
    let mut function = Function::start("list-products", Extensions::Known, &variables).await;
    function.says("failed to connect to Postgres; retrying").await;
    let _proxy = Proxy::on(TcpListener::bind(address).await.unwrap(), server);
    let answer = function.invoke(get("/products", &json!({}))).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
}

#[tokio::test]
async fn a_function_without_its_database_answers_503_with_retry_after() {
    let variables = [
        ("DATABASE_URL", "postgres://waybill:hush@127.0.0.1:9/waybill?sslmode=disable"),
        ("DATABASE_CONNECT_TIMEOUT_SECONDS", "1"),
        CALLER,
        CURSOR_SECRET,
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
    for extensions in [Extensions::Known, Extensions::Unknown] {
        let proxy = Proxy::to(authority(&environment.database_url)).await;
        let url = proxy.instead_of(&environment.database_url);
        let variables = [("DATABASE_URL", url.as_str()), CALLER, CURSOR_SECRET];
        let mut function = Function::start("list-orders", extensions, &variables).await;
        let answer = function.invoke(get("/orders", &json!({}))).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");

        function.terminate();
        assert_eq!(function.end().await.code, Some(0), "{extensions:?}");
        // The last message is Terminate: a type byte, and a length that counts only itself.
        eventually(&format!("{extensions:?}: Terminate was sent"), async || {
            proxy.sent().iter().any(|sent| sent.ends_with(b"X\0\0\0\x04")).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_process_checks_its_dependencies_at_most_every_five_seconds() {
    let environment = Environment::read();
    let variables = environment.variables(&[]);
    let mut function = Function::start("health", Extensions::Known, &variables).await;
    let mut event = get("/health", &json!({}));
    event["rawQueryString"] = "deep=true".into();
    let mut checks = Vec::new();
    for _ in 0..20 {
        let answer = function.invoke(event.clone()).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        checks.push(body["checked_at"].as_str().unwrap().parse::<Timestamp>().unwrap());
    }
    checks.dedup();
    let seconds = |pair: &[Timestamp]| (pair[1] - pair[0]).total(Unit::Second).unwrap();
    assert!(checks.windows(2).all(|pair| seconds(pair) >= 5.0), "{checks:?}");
}

/// Covers every function behind a route.
#[tokio::test]
async fn without_an_authorizer_only_public_routes_answer() {
    let environment = Environment::read();
    let variables = environment.variables(&[CURSOR_SECRET]);
    let mut asked = 0;
    for folder in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../functions")).unwrap() {
        let folder = folder.unwrap();
        let main = std::fs::read_to_string(folder.path().join("src/main.rs")).unwrap();
        if !main.contains("http::answer(") {
            continue;
        }
        let name = folder.file_name().into_string().unwrap();
        let mut function = Function::start(&name, Extensions::Known, &variables).await;
        let id = json!({ "id": "019b76da-a800-7000-8000-000000000001" });
        let answer = function.invoke(get("/any", &id)).await;
        assert_eq!(answer["statusCode"], 401, "{name}: {answer}");
        assert_eq!(answer["headers"]["www-authenticate"], "Bearer", "{name}");
        assert!(answer["body"].as_str().unwrap().contains("/problems/unauthorized"), "{answer}");
        asked += 1;
    }
    assert!(asked >= 7, "{asked}");
}

#[tokio::test]
async fn the_authorizer_wins_over_the_caller_variable() {
    let environment = Environment::read();
    let variables = [
        ("DATABASE_URL", environment.database_url.as_str()),
        ("WAYBILL_WATCH_CALLER", "root orders/staff"),
        CURSOR_SECRET,
    ];
    let mut function = Function::start("list-orders", Extensions::Known, &variables).await;
    let mut event = get("/orders", &json!({}));
    let claims = json!({ "sub": "ada", "exp": "9999999999", "scope": "orders/write" });
    event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
    let answer = function.invoke(event.clone()).await;
    assert_eq!(answer["statusCode"], 403, "{answer}");
    let body = answer["body"].as_str().unwrap();
    assert!(body.contains("/problems/forbidden") && body.contains("orders/read"), "{body}");

    event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": null, "scopes": null } });
    assert_eq!(function.invoke(event).await["statusCode"], 401);
}

#[tokio::test]
async fn an_endpoint_for_one_service_is_used() {
    let environment = Environment::read();
    let dynamodb = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", dynamodb.local_addr().unwrap());
    let variables = environment.variables(&[
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoint),
    ]);
    let _function = Function::start("get-product", Extensions::Known, &variables).await;
    let asked = eventually("a call to the endpoint", async || {
        let accepted = tokio::time::timeout(Duration::from_millis(50), dynamodb.accept()).await;
        accepted.ok()?.ok()
    });
    let (mut stream, _) = asked.await;
    let mut start = [0; 6];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"POST /");
}

#[tokio::test]
async fn an_owner_at_its_limit_is_answered_429_with_retry_after() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(10).await;
    let caller = format!("{} orders/write", unique("owner"));
    let more = [("WAYBILL_WATCH_CALLER", caller.as_str()), ("OWNER_ORDERS_PER_MINUTE", "2")];
    let variables = stack.environment.variables(&more);
    let mut create = Function::start("create-order", Extensions::Known, &variables).await;
    let order = order_for(&[(product, 1)]);
    for key in ["a", "b"] {
        let placed = create.invoke(post("/orders", key, &order)).await;
        assert_eq!(placed["statusCode"], 201, "{placed}");
    }
    let refused = create.invoke(post("/orders", "c", &order)).await;
    assert_eq!(refused["statusCode"], 429, "{refused}");
    assert_eq!(refused["headers"]["retry-after"], "10", "{refused}");
    let body: Value = serde_json::from_str(refused["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "/problems/too-many-orders");
    assert_eq!((&body["limit_name"], &body["limit"]), (&json!("per_minute"), &json!(2)));
    // A repeated request is still answered.
    let replayed = create.invoke(post("/orders", "a", &order)).await;
    assert_eq!(replayed["headers"]["idempotent-replayed"], "true", "{replayed}");
    assert_eq!(stack.stock_of(product).await, 8);
}

#[test]
fn a_function_links_the_client_of_aws_only_if_it_calls_aws() {
    for (function, calls) in [
        ("cancel-order", false),
        ("create-order", true),
        ("describe-api", false),
        ("fulfill-order", true),
        ("get-order", false),
        ("get-product", true),
        ("health", true),
        ("list-orders", false),
        ("list-products", false),
        ("put-product", true),
        ("migrate", false),
        ("notify-customer", true),
        ("relay-outbox", true),
        ("update-order-status", false),
    ] {
        let binary = std::fs::read(bootstrap(function)).unwrap();
        let holds = |text: &str| binary.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        // Part of the SDK's clients, which take megabytes.
        assert_eq!(holds("aws_smithy_runtime::client::orchestrator"), calls, "{function}");
    }
}
