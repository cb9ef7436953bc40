//! The description of the API, and answers to unknown routes.

use e2e::{Answer, Stack, order_for};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

#[tokio::test]
async fn the_description_and_the_page_are_public() {
    let stack = Stack::connect().await.with_token(None);
    let document = stack.get("/openapi.json").await;
    assert_eq!(document.status, 200, "{document:?}");
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.text("/openapi"), "3.1.0");
    assert!(document.body["paths"].as_object().unwrap().len() >= 10);

    let response = stack.request(Method::GET, "/docs").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    let page = response.text().await.unwrap();
    let (_, script) = page.split_once("src=\"docs?").unwrap();
    let (script, _) = script.split_once('"').unwrap();
    let response = stack.request(Method::GET, &format!("/docs?{script}")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let bytes = response.bytes().await.unwrap();
    assert!(bytes.starts_with(&[0x1f, 0x8b]), "the gateway hands on something other than gzip");
}

#[tokio::test]
async fn the_type_of_a_problem_is_the_url_of_its_description() {
    let stack = Stack::connect().await;
    let problem = stack.get("/orders/1").await;
    problem.assert_problem(400, "invalid-request");
    let page = stack.request(Method::GET, problem.text("/type")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains(problem.text("/title")));
    stack.get("/problems/none-of-ours").await.assert_problem(404, "no-such-route");
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_with_and_without_a_token() {
    let stack = Stack::connect().await;
    for path in ["/order", "/orders/1/2", "/orders/1/cancel/now", "/ORDERS", "/docs/x"] {
        for stack in [stack.clone(), stack.with_token(None)] {
            stack.get(path).await.assert_problem(404, "no-such-route");
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_answered_with_the_allowed_ones() {
    let stack = Stack::connect().await;
    for (method, path, allow) in [
        (Method::DELETE, "/orders", "GET, POST"),
        (Method::POST, "/orders/1", "GET"),
        (Method::GET, "/orders/1/cancel", "PATCH"),
        (Method::PATCH, "/products/1", "GET, PUT"),
        (Method::POST, "/openapi.json", "GET"),
    ] {
        let answer = Answer::to(stack.request(method, path)).await;
        answer.assert_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

#[tokio::test]
async fn a_duplicate_field_is_refused_by_its_name() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(5).await;
    let order = order_for(&[(product, 1)]).to_string();
    let twice = order.replace("\"quantity\":1", "\"quantity\":1,\"quantity\":2");
    let request = stack.request(Method::POST, "/orders").body(twice);
    let answer = Answer::to(request.header(CONTENT_TYPE, "application/json")).await;
    answer.assert_problem(400, "invalid-request");
    assert_eq!(answer.wrong_places(), ["/items/0/quantity"]);
    assert_eq!(stack.stock_of(product).await, 5);
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_refused() {
    let stack = Stack::connect().await;
    // Not within a string: the emulator's gateway replaces invalid UTF-8 there. `http/read/json.rs` tests that.
    for bytes in [&b"{\xff}"[..], b"\xc3\x28", b"\0\0\0"] {
        let request = stack.request(Method::POST, "/orders").body(bytes.to_vec());
        let answer = Answer::to(request.header(CONTENT_TYPE, "application/json")).await;
        answer.assert_problem(400, "invalid-request");
        assert_eq!(answer.wrong_places(), [""]);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_on_every_route() {
    let stack = Stack::connect().await;
    for path in ["/orders", "/products", "/health", "/docs", "/nothing"] {
        let query = format!("{path}?q={}", "x".repeat(4 * 1024));
        stack.get(&query).await.assert_problem(414, "query-too-long");
        let headers = (0..101).fold(stack.request(Method::GET, path), |request, number| {
            request.header(format!("x-filler-{number}"), "x")
        });
        Answer::to(headers).await.assert_problem(431, "headers-too-large");
        let body = stack.request(Method::GET, path).body("x".repeat(32 * 1024 + 1));
        Answer::to(body).await.assert_problem(413, "body-too-large");
    }
}
