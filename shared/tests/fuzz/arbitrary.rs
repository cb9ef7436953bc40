//! How arbitrary requests are made: some as documented, some nearly, some nothing like it.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::string::string_regex;
use serde_json::json;

use crate::event::{Sent, good_claims};

pub(crate) const ID: &str = "019c8012-2a00-7a31-9c40-1f2e6ba0a415";

/// Bodies that the functions accept.
pub(crate) const ORDER: &str = r#"{"customer_name":"Ada Lovelace","customer_email":"ada@example.com",
    "items":[{"product_id":"019b76da-a800-7000-8000-000000000007","quantity":2}]}"#;
pub(crate) const PRODUCT: &str =
    r#"{"name":"Mug","currency":"EUR","price_minor":1450,"stock":41,"active":true}"#;
pub(crate) const STATUS: &str = r#"{"status":"shipped"}"#;

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

/// An arbitrary request.
pub(crate) fn sent() -> impl Strategy<Value = Sent> {
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
