//! Reads the gateway's event as a request, in payload format 2.0:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
//!
//! Only what the service uses is read. The gateway has matched the route, so no URL is built.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::BoxError;

/// A request.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(try_from = "Event")]
pub struct Request {
    pub(in crate::http) method: Method,
    /// The path as the gateway received it, or an empty text.
    pub(in crate::http) path: String,
    pub(in crate::http) headers: HeaderMap,
    /// Decoded, in their order.
    pub(in crate::http) query: Vec<(String, String)>,
    pub(in crate::http) path_parameters: HashMap<String, String>,
    pub(in crate::http) authorizer: Option<Authorizer>,
    pub(in crate::http) body: Vec<u8>,
}

/// What the gateway's authorizer found out.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub(in crate::http) struct Authorizer {
    pub(in crate::http) jwt: Option<Token>,
}

/// A verified token.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub(in crate::http) struct Token {
    pub(in crate::http) claims: Option<HashMap<String, String>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_query_string: Option<String>,
    headers: Option<Headers>,
    path_parameters: Option<HashMap<String, String>>,
    request_context: Context,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(serde::Deserialize)]
struct Context {
    http: Line,
    authorizer: Option<Authorizer>,
}

#[derive(serde::Deserialize)]
struct Line {
    method: String,
    #[serde(default)]
    path: String,
}

struct Headers(HeaderMap);

impl TryFrom<Event> for Request {
    type Error = BoxError;

    fn try_from(event: Event) -> Result<Self, BoxError> {
        let query = event.raw_query_string.unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned();
        let body = event.body.unwrap_or_default();
        let line = event.request_context.http;
        Ok(Self {
            method: line.method.parse()?,
            path: line.path,
            headers: event.headers.map(|headers| headers.0).unwrap_or_default(),
            query: query.collect(),
            path_parameters: event.path_parameters.unwrap_or_default(),
            authorizer: event.request_context.authorizer,
            body: if event.is_base64_encoded { STANDARD.decode(body)? } else { body.into_bytes() },
        })
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = HeaderMap::with_capacity(map.size_hint().unwrap_or(16));
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    let name = HeaderName::from_bytes(name.as_bytes()).map_err(Error::custom)?;
                    let value = HeaderValue::try_from(value).map_err(Error::custom)?;
                    headers.append(name, value);
                }
                Ok(Headers(headers))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "PATCH /orders/{id}/status",
            "rawPath": "/orders/7/status",
            "rawQueryString": "q=<%3E&q=b+\u{e9}&x",
            "cookies": ["a=b"],
            "headers": { "Host": "a b", "X-Correlation-Id": "a", "if-match": "\"1\"" },
            "queryStringParameters": { "q": "<>,b \u{e9}", "x": "" },
            "requestContext": {
                "authorizer": {
                    "jwt": { "claims": { "sub": "ada" }, "scopes": ["orders/read"] },
                },
                "domainName": ":",
                "http": { "method": "PATCH", "path": "/orders/7/status", "sourceIp": "::1" },
                "stage": "$default",
                "timeEpoch": 1_795_176_000_000_i64,
            },
            "pathParameters": { "id": "7" },
            "body": "{\"status\":\"shipped\"}",
            "isBase64Encoded": false,
        })
    }

    fn read(event: &Value) -> serde_json::Result<Request> {
        serde_json::from_str(&event.to_string())
    }

    #[test]
    fn a_request_is_what_the_event_says_of_it() {
        let request = read(&event()).unwrap();
        assert_eq!((request.method, &*request.path), (Method::PATCH, "/orders/7/status"));
        let query: Vec<_> = request.query.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(query, [("q", "<>"), ("q", "b \u{e9}"), ("x", "")]);
        assert_eq!(request.path_parameters["id"], "7");
        assert_eq!(request.headers["x-correlation-id"], "a");
        assert_eq!(request.headers["if-match"], "\"1\"");
        assert_eq!(request.authorizer.unwrap().jwt.unwrap().claims.unwrap()["sub"], "ada");
        assert_eq!(request.body, br#"{"status":"shipped"}"#);
    }

    #[test]
    fn what_an_event_need_not_have_is_empty() {
        let bare = json!({ "requestContext": { "http": { "method": "GET" } } });
        let request = read(&bare).unwrap();
        assert_eq!((&*request.path, &*request.body), ("", &b""[..]));
        assert!(request.query.is_empty() && request.headers.is_empty());
        assert!(request.path_parameters.is_empty() && request.authorizer.is_none());
        let mut empty = event();
        for name in ["body", "headers", "pathParameters", "rawQueryString"] {
            empty[name] = Value::Null;
        }
        empty["requestContext"]["authorizer"]["jwt"]["claims"] = Value::Null;
        let request = read(&empty).unwrap();
        assert!(request.body.is_empty() && request.headers.is_empty());
        assert!(request.authorizer.unwrap().jwt.unwrap().claims.is_none());
    }

    #[test]
    fn a_body_may_be_in_base64() {
        let mut encoded = event();
        encoded["isBase64Encoded"] = true.into();
        encoded["body"] = "/wA=".into();
        assert_eq!(read(&encoded).unwrap().body, [0xff, 0]);
        encoded["body"] = "no base64".into();
        assert!(read(&encoded).is_err());
    }

    #[test]
    fn what_is_no_request_is_an_error() {
        for (place, wrong) in [
            ("/requestContext", json!({})),
            ("/requestContext/http/method", json!("G E T")),
            ("/headers", json!({ "a b": "c" })),
            ("/headers", json!({ "a": "b\nc" })),
            ("/headers", json!({ "a": ["b"] })),
            ("/headers", json!("a: b")),
            ("/rawQueryString", json!(7)),
            ("/body", json!({})),
        ] {
            let mut changed = event();
            *changed.pointer_mut(place).unwrap() = wrong;
            assert!(read(&changed).is_err(), "{changed}");
        }
        assert!(read(&json!([])).is_err());
    }
}
