//! Requests to every function: as documented, nearly so, and arbitrary ones.

use proptest::option;
use proptest::prelude::*;
use serde_json::Value;
use waybill::http::Response;

use crate::arbitrary::{ID, ORDER, PRODUCT, STATUS, sent};
use crate::cases;
use crate::event::{Sent, good_claims};
use crate::functions::Function;
use crate::shop::Shop;

/// A runtime with timers, since each request has a deadline.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Parses the body of a response.
pub(crate) fn json_of(response: &Response) -> Value {
    let body = response.body();
    if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() }
}

/// Checks what holds for every response.
pub(crate) fn check(response: &Response) {
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
    let status = response.status().as_u16();
    assert!(status < 500, "{response:?}");
    assert_eq!(header("x-content-type-options"), Some("nosniff"), "{response:?}");
    let correlation_id = header("x-correlation-id").unwrap();
    assert!(waybill::domain::CorrelationId::parse(correlation_id).is_some(), "{response:?}");
    let body = json_of(response);
    match status {
        304 => assert!(body.is_null() && header("etag").is_some(), "{response:?}"),
        200..300 => {
            assert_eq!(header("content-type"), Some("application/json"), "{response:?}");
            assert!(body.is_object(), "{response:?}");
        }
        _ => {
            assert_eq!(header("content-type"), Some("application/problem+json"), "{response:?}");
            assert_eq!(body["status"], status, "{response:?}");
            assert_eq!(body["correlation_id"], correlation_id, "{response:?}");
            assert!(body["type"].as_str().unwrap().starts_with("/problems/"), "{response:?}");
            for text in ["title", "detail"] {
                assert!(!body[text].as_str().unwrap().is_empty(), "{response:?}");
            }
            let violations = body.get("errors").map(|errors| errors.as_array().unwrap());
            for violation in violations.into_iter().flatten() {
                assert!(violation["pointer"].is_string(), "{response:?}");
                assert!(!violation["detail"].as_str().unwrap().is_empty(), "{response:?}");
            }
        }
    }
}

#[test]
fn what_is_sent_as_documented_is_fulfilled() {
    // Otherwise the test below might only try requests that are refused.
    let runtime = runtime();
    let shop = Shop { mood: 7 };
    for (function, body, headers, status) in [
        (Function::CancelOrder, None, vec![], 200),
        (Function::CreateOrder, Some(ORDER), vec![], 201),
        (Function::GetOrder, None, vec![("if-none-match", "\"1\"")], 304),
        (Function::GetProduct, None, vec![("if-none-match", "\"7-40\"")], 200),
        (Function::Health, None, vec![], 200),
        (Function::ListOrders, None, vec![], 200),
        (Function::ListProducts, None, vec![], 200),
        (Function::PutProduct, Some(PRODUCT), vec![("if-match", "\"7-41\"")], 412),
        (Function::UpdateOrderStatus, Some(STATUS), vec![("if-match", "\"1\"")], 200),
    ] {
        for as_base64 in [false, true] {
            let headers = [&[("content-type", "application/json")][..], &headers].concat();
            let sent = Sent {
                id: Some(ID.to_owned()),
                headers: headers.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect(),
                body: body.map(|body| body.as_bytes().to_vec()),
                as_base64,
                claims: Some(good_claims()),
                method: "GET",
                ..Sent::default()
            };
            let response = runtime.block_on(function.answer(&shop, &sent.event()));
            assert_eq!(response.status().as_u16(), status, "{function:?}: {response:?}");
            check(&response);
        }
    }
}

/// A request to `function` that succeeds.
fn good(function: Function) -> Sent {
    let (method, body, headers) = match function {
        Function::CreateOrder => ("POST", Some(ORDER), vec![]),
        Function::PutProduct => ("PUT", Some(PRODUCT), vec![("if-none-match", "*")]),
        Function::UpdateOrderStatus => ("PATCH", Some(STATUS), vec![("if-match", "\"1\"")]),
        Function::CancelOrder => ("PATCH", None, vec![]),
        _ => ("GET", None, vec![]),
    };
    let headers = [&[("content-type", "application/json")][..], &headers].concat();
    Sent {
        id: Some(ID.to_owned()),
        headers: headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: body.map(|body| body.as_bytes().to_vec()),
        claims: Some(good_claims()),
        method,
        ..Sent::default()
    }
}

/// The pointers in `errors`.
fn wrong(response: &Response) -> Vec<String> {
    let body = json_of(response);
    let errors = body["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_query_parameter_that_a_route_does_not_take_is_refused_by_its_name() {
    let runtime = runtime();
    // With this mood the shop accepts everything.
    let shop = Shop { mood: 13 };
    for function in Function::ALL {
        let ask = |sent: &Sent| runtime.block_on(function.answer(&shop, &sent.event()));
        let fulfilled = ask(&good(function));
        assert!(fulfilled.status().is_success(), "{function:?}: {fulfilled:?}");

        let query = "lim=5&sort=asc&lim=6".to_owned();
        let stray = Sent { query, ..good(function) };
        let refused = ask(&stray);
        check(&refused);
        assert_eq!(refused.status(), 400, "{function:?}: {refused:?}");
        assert_eq!(wrong(&refused), ["lim", "sort"], "{function:?}");

        // A caller without the scope is not told which parameters exist.
        let expected = if function == Function::Health { 400 } else { 401 };
        let refused = ask(&Sent { claims: None, ..stray });
        assert_eq!(refused.status(), expected, "{function:?}: {refused:?}");
    }
}

#[test]
fn a_cancel_with_a_body_that_says_something_is_refused() {
    let runtime = runtime();
    for (content_type, body, status) in [
        ("application/json", "{}", 200),
        ("text/plain", "", 200),
        ("application/json", r#"{"reason":"late"}"#, 400),
        ("application/json", "[]", 400),
        ("text/plain", "late", 415),
    ] {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let body = Some(body.as_bytes().to_vec());
        let sent = Sent { headers, body, ..good(Function::CancelOrder) };
        let response =
            runtime.block_on(Function::CancelOrder.answer(&Shop { mood: 13 }, &sent.event()));
        assert_eq!(response.status(), status, "{sent:?}: {response:?}");
        check(&response);
    }
}

#[test]
fn what_location_and_link_name_is_found_under_any_base_path() {
    let runtime = runtime();
    // With this mood every product is new, and every list has a next page.
    let ask = |function: Function, mood, query: &str| {
        let sent = Sent { query: query.to_owned(), ..good(function) };
        runtime.block_on(function.answer(&Shop { mood }, &sent.event()))
    };
    let header =
        |response: &Response, name: &str| response.headers()[name].to_str().unwrap().to_owned();
    for base in ["https://api.example.com", "http://127.0.0.1:4566/_aws/execute-api/1a2b/$default"]
    {
        let resolved = |path: &str, reference: &str| {
            url::Url::parse(&format!("{base}{path}")).unwrap().join(reference).unwrap().to_string()
        };
        let placed = ask(Function::CreateOrder, 13, "");
        let id = json_of(&placed)["id"].as_str().unwrap().to_owned();
        assert_eq!(
            resolved("/orders", &header(&placed, "location")),
            format!("{base}/orders/{id}")
        );
        let put = ask(Function::PutProduct, 4, "");
        assert_eq!(put.status(), 201, "{put:?}");
        assert_eq!(
            resolved(&format!("/products/{ID}"), &header(&put, "location")),
            format!("{base}/products/{ID}")
        );
        for (function, path, filter) in [
            (Function::ListOrders, "/orders", "status=pending"),
            (Function::ListProducts, "/products", "q=%3F%2F%23%C3%B6"),
        ] {
            let page = ask(function, 13, &format!("{filter}&limit=2"));
            let cursor = json_of(&page)["next_cursor"].as_str().unwrap().to_owned();
            let link = header(&page, "link");
            let reference =
                link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
            let next = resolved(&format!("{path}?{filter}&limit=2"), reference);
            let (found, query) = next.split_once('?').unwrap();
            assert_eq!(found, format!("{base}{path}"));
            assert!(query.contains(filter) && query.contains(&cursor), "{query}");
            assert_eq!(ask(function, 13, query).status(), 200, "{query}");
        }
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn whatever_is_sent_is_answered_and_never_with_a_5xx(
        sent in sent(), mood in any::<u8>(), strays in option::weighted(0.1, Just(())),
    ) {
        let runtime = runtime();
        for function in Function::ALL {
            let mut sent = sent.clone();
            // Otherwise nearly every request would be refused for its parameters.
            if strays.is_none() && function.route().parameters.is_empty() {
                sent.query.clear();
            }
            if strays.is_none() && function == Function::CancelOrder {
                sent.body = None;
            }
            check(&runtime.block_on(function.answer(&Shop { mood }, &sent.event())));
        }
    }
}
