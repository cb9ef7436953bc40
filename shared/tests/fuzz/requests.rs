//! Arbitrary requests to every function.

use lambda_http::{Body, Response};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::string::string_regex;
use serde_json::{Value, json};

use crate::cases;
use crate::event::{Sent, good_claims};
use crate::functions::Function;
use crate::shop::Shop;

const ID: &str = "019c8012-2a00-7a31-9c40-1f2e6ba0a415";

/// Bodies that the functions accept.
const ORDER: &str = r#"{"customer_name":"Ada Lovelace","customer_email":"ada@example.com",
    "items":[{"product_id":"019b76da-a800-7000-8000-000000000007","quantity":2}]}"#;
const PRODUCT: &str =
    r#"{"name":"Mug","currency":"EUR","price_minor":1450,"stock":41,"active":true}"#;
const STATUS: &str = r#"{"status":"shipped"}"#;

/// Values that tend to break readers of JSON.
const AWKWARD: [&str; 14] = [
    "1e400",
    "-0",
    "1e-400",
    "99999999999999999999999999999999999999",
    "9223372036854775808",
    "-9223372036854775809",
    "1.0",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\u{202e}\u{feff}e\u{301}\u{1f469}\u{200d}\u{1f680}\"",
    "null",
    "{}",
    "[[[[]]]]",
    "{\"a\":1,\"a\":2}",
];

fn awkward() -> impl Strategy<Value = String> {
    select(&AWKWARD[..]).prop_map(str::to_owned)
}

/// A valid body, or a change of one.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let good = || select(&[ORDER, PRODUCT, STATUS][..]);
    prop_oneof![
        2 => good().prop_map(|text| text.as_bytes().to_vec()),
        // A part is replaced by arbitrary bytes.
        2 => (good(), any::<Index>(), any::<Index>(), vec(any::<u8>(), 0..6)).prop_map(
            |(text, from, to, piece)| {
                let mut bytes = text.as_bytes().to_vec();
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                bytes.splice(from.min(to)..from.max(to), piece);
                bytes
            }
        ),
        // A value is replaced by another.
        3 => (good(), any::<Index>(), prop_oneof![awkward(), json_text()]).prop_map(
            |(text, which, value)| {
                let starts: Vec<_> = text.match_indices(':').map(|(at, _)| at + 1).collect();
                let start = starts[which.index(starts.len())];
                let end = text[start..].find([',', '}']).map_or(text.len(), |end| start + end);
                format!("{}{value}{}", &text[..start], &text[end..]).into_bytes()
            }
        ),
        // A field is repeated or unknown.
        1 => (good(), "[a-z_]{1,14}", json_text()).prop_map(|(text, name, value)| {
            let name = if name.len() < 5 { "status" } else { &name };
            format!("{},\"{name}\":{value}}}", &text[..text.len() - 1]).into_bytes()
        }),
        1 => json_text().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..64),
        // Many lines, deep nesting, long texts.
        1 => (0_usize..300).prop_map(|lines| {
            let line = json!({ "product_id": ID, "quantity": 10_000 });
            let items = vec![line; lines];
            json!({ "customer_name": "A", "customer_email": "a@b.c", "items": items })
                .to_string()
                .into_bytes()
        }),
        1 => (select(&["[", "{\"a\":", "\"", " ", "{\"items\":["][..]), 1_usize..40_000)
            .prop_map(|(piece, times)| piece.repeat(times.min(40_000 / piece.len())).into_bytes()),
    ]
}

/// Arbitrary JSON.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        awkward(),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| json!(number).to_string()),
        ".{0,12}".prop_map(|text| json!(text).to_string()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            vec((".{0,6}", inner), 0..4).prop_map(|fields| {
                let fields: Vec<_> = fields
                    .into_iter()
                    .map(|(name, value)| format!("{}:{value}", json!(name)))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// A query string: known and unknown parameters, some repeated, some badly escaped.
fn query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        8 => select(
            &["limit", "cursor", "number", "status", "email", "placed_after", "placed_before", "q"][..]
        )
        .prop_map(str::to_owned),
        1 => "[^ #]{0,4}",
    ];
    let value = prop_oneof![
        4 => select(&[
            "1", "100", "0", "101", "-1", "pending", "lost", "ada@example.com", "%C3%B6", "%ff",
            "%", "%0", "%00", "+", "2026-02-21T12:00:00Z", "2026-02-21T12%3A00%3A00%2B01%3A00",
            "9999-12-31T23:59:60Z", "-9999-01-01T00:00:00Z", "AAAA",
        ][..])
        .prop_map(str::to_owned),
        1 => "[A-Za-z0-9_-]{44}",
        1 => "[^#]{0,12}",
        1 => (1_usize..9_000).prop_map(|length| "a".repeat(length)),
    ];
    prop_oneof![
        6 => vec((name, value), 0..5).prop_map(|pairs| {
            let pairs: Vec<_> =
                pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            pairs.join("&")
        }),
        1 => "[^#]{0,40}",
    ]
}

/// Headers that the service reads, with values that the gateway can carry.
fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = select(
        &[
            "if-match",
            "if-none-match",
            "idempotency-key",
            "x-correlation-id",
            "traceparent",
            "content-type",
            "host",
            "x-forwarded-proto",
            "accept",
        ][..],
    );
    let value = prop_oneof![
        4 => select(&[
            "\"1\"", "\"7-41\"", "\"7\"", "*", "W/\"1\"", "\"1\", \"2\"", "\"9223372036854775808\"",
            "\"-1-1\"", "\"", "\"\"", "W/", ",", "a", "two words", "text/plain", "application/json",
            "application/problem+json; charset=utf-16",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "https, http", "",
        ][..])
        .prop_map(str::to_owned),
        2 => string_regex("[\t -~\u{a0}-\u{ff}]{0,40}").unwrap(),
        1 => "\\PC{0,20}",
        1 => (1_usize..9_000).prop_map(|length| "\"".repeat(length)),
    ];
    vec((name.prop_map(str::to_owned), value), 0..6)
}

/// The authorizer's claims, mostly of a valid token.
fn claims() -> impl Strategy<Value = Option<Vec<(String, String)>>> {
    let name = select(&["sub", "exp", "nbf", "scope", "scp", "aud"][..]).prop_map(str::to_owned);
    let value = prop_oneof![
        select(&["ada", "", "1e999", "NaN", "-1", "[orders/read orders/staff]", "orders/read"][..])
            .prop_map(str::to_owned),
        "\\PC{0,12}",
    ];
    prop_oneof![
        8 => Just(Some(good_claims())),
        1 => vec((name, value), 0..3).prop_map(|changes| {
            let mut claims = good_claims();
            for (name, value) in changes {
                claims.retain(|(other, _)| *other != name);
                claims.push((name, value));
            }
            Some(claims)
        }),
        1 => Just(None),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let id = option::weighted(
        0.95,
        prop_oneof![
            4 => Just(ID.to_owned()),
            1 => "[0-9a-f-]{30,40}",
            1 => "\\PC{0,20}",
        ],
    );
    let json = ("content-type".to_owned(), "application/json".to_owned());
    let method = select(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"][..]);
    (id, query(), headers(), option::weighted(0.8, body()), any::<bool>(), claims(), method)
        .prop_map(move |(id, query, mut headers, body, as_base64, claims, method)| {
            // The first of repeated names counts, since each is once in an object of JSON; most
            // bodies have a content type.
            if as_base64 || headers.len() < 5 {
                headers.retain(|(name, _)| name != "content-type");
                headers.push(json.clone());
            }
            Sent { id, query, headers, body, as_base64, claims, method }
        })
}

/// A runtime with timers, since each request has a deadline.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Parses the body of a response.
pub(crate) fn json_of(response: &Response<Body>) -> Value {
    match response.body() {
        Body::Text(text) => serde_json::from_str(text).unwrap(),
        Body::Empty => Value::Null,
        _ => panic!("a body that is no text"),
    }
}

/// Checks what holds for every response.
pub(crate) fn check(response: &Response<Body>) {
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
fn wrong(response: &Response<Body>) -> Vec<String> {
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
    let header = |response: &Response<Body>, name: &str| {
        response.headers()[name].to_str().unwrap().to_owned()
    };
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
