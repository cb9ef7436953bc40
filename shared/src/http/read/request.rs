//! What a handler takes from a request.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::body::read_no_fields;
use super::json;
use super::parameters::Parameters;
use super::trail::Trail;
use crate::Error;
use crate::app::{Claim, Context};
use crate::domain::{Caller, IdempotencyKey};
use crate::error::Violation;
use crate::http::respond::Problem;
use crate::http::route::Route;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An unauthenticated caller.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

/// A request and its caller. It has a [`Context`] only after the caller was authorized.
pub struct Incoming<C = Context> {
    request: Request,
    context: C,
    route: Route,
}

impl Incoming {
    /// A request of an authorized caller.
    pub(in crate::http) fn of(
        request: Request,
        caller: Caller,
        trail: Trail,
        route: Route,
    ) -> Self {
        let Trail { correlation_id, traceparent, .. } = trail;
        Self { request, context: Context { caller, correlation_id, traceparent }, route }
    }

    /// The caller, and the ids by which the request is traced.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl Incoming<Anyone> {
    /// A request of an unauthenticated caller.
    pub(in crate::http) fn of_anyone(request: Request, route: Route) -> Self {
        Self { request, context: Anyone, route }
    }
}

impl<C> Incoming<C> {
    pub(super) fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The path as the gateway received it, or an empty text.
    #[must_use]
    pub fn path(&self) -> &str {
        path(&self.request)
    }

    /// The `{id}` of the path.
    ///
    /// # Errors
    /// A violation of `id`, if `parse` refuses it.
    pub fn id<T>(&self, parse: fn(&str) -> Result<T, String>) -> Result<T, Problem> {
        let id = self.request.path_parameters_ref().and_then(|path| path.first("id"));
        parse(id.unwrap_or_default()).map_err(|detail| violation("id", detail))
    }

    /// The `Idempotency-Key` with the hash of the request, if there is one.
    ///
    /// # Errors
    /// A violation of `Idempotency-Key`, if it is malformed.
    pub fn claim(&self, body: &Value) -> Result<Option<Claim>, Problem> {
        let Some(key) = self.request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = IdempotencyKey::parse(key.to_str().unwrap_or_default())
            .map_err(|detail| violation("Idempotency-Key", detail))?;
        // Hash the parsed body, so that whitespace and field order don't matter.
        let request_hash = Sha256::digest(body.to_string()).into();
        Ok(Some(Claim { key, request_hash }))
    }

    /// The raw value of a query parameter of the route.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters().get(name)
    }

    /// A query parameter that is `true` or `false`, by default false.
    ///
    /// # Errors
    /// A violation of the parameter, if it has another value.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        let mut parameters = self.parameters();
        let flag = parameters.parse(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        });
        parameters.check().map(|()| flag.unwrap_or_default())
    }

    /// The query parameters. A request with parameters that its route doesn't take never reaches a
    /// handler.
    pub(in crate::http) fn parameters(&self) -> Parameters<'_> {
        Parameters::read(self.request.query_string_parameters_ref(), self.route.parameters)
    }

    /// Checks that the body is missing, empty, or a JSON object without fields.
    ///
    /// # Errors
    /// As [`json`](Self::json), or a violation for each field.
    pub fn no_fields(&self) -> Result<(), Problem> {
        if json::is_empty(bytes(self.request.body())) {
            return Ok(());
        }
        read_no_fields(&self.json()?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 415 if its content type is another, 400 if it doesn't parse or a field occurs twice.
    pub fn json(&self) -> Result<Value, Problem> {
        if !is_json(self.request.headers()) {
            return Err(Problem::unsupported_media_type());
        }
        json::parse(bytes(self.request.body())).map_err(|it| Error::Invalid(it).into())
    }
}

/// The path as the gateway received it, or an empty text.
pub(in crate::http) fn path(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.path.as_deref(),
        _ => None,
    }
    .unwrap_or_default()
}

/// The bytes of a body.
pub(in crate::http) fn bytes(body: &Body) -> &[u8] {
    match body {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    }
}

pub(super) fn violation(pointer: &str, detail: String) -> Problem {
    Error::Invalid(vec![Violation { pointer: pointer.to_owned(), detail }]).into()
}

/// Whether the content type is `application/json` or ends with `+json` (RFC 6839). Parameters are
/// ignored.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::domain::CorrelationId;
    use crate::http::routes;

    fn incoming(request: http::request::Builder, body: impl Into<Body>) -> Incoming<Anyone> {
        Incoming::of_anyone(request.body(body.into()).unwrap(), routes::DOCS)
    }

    fn with_query(parameters: &[(&str, &[&str])]) -> Incoming<Anyone> {
        let parameters: HashMap<String, Vec<String>> = parameters
            .iter()
            .map(|(name, values)| {
                ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
            })
            .collect();
        let request = Request::new(Body::Empty).with_query_string_parameters(parameters);
        Incoming::of_anyone(request, routes::HEALTH)
    }

    #[test]
    fn only_json_is_read_as_json() {
        let with = |content_type: &str| {
            let request = http::Request::builder().header(CONTENT_TYPE, content_type);
            incoming(request, "{}").json().is_ok()
        };
        assert!(with("application/json"));
        assert!(with("Application/JSON; charset=utf-8"));
        assert!(with("application/merge-patch+json"));
        assert!(!with("text/plain"));
        assert!(!with("application/x-www-form-urlencoded"));
        assert!(incoming(http::Request::builder(), "{}").json().is_err());
    }

    #[test]
    fn a_body_that_says_nothing_is_none_or_empty_or_an_object_without_fields() {
        let status = |content_type: &str, body: &str| {
            let request = http::Request::builder().header(CONTENT_TYPE, content_type);
            let refused = incoming(request, body).no_fields().err();
            refused.map_or(200, |problem| problem.status().as_u16())
        };
        let bare = incoming(http::Request::builder(), Body::Empty);
        assert!(bare.no_fields().is_ok());
        for (content_type, body, expected) in [
            ("text/plain", "", 200),
            ("application/json", "\n", 200),
            ("application/json", " {} ", 200),
            ("application/json", r#"{"reason":"too late"}"#, 400),
            ("application/json", "[]", 400),
            ("application/json", "null", 400),
            ("application/json", "{", 400),
            ("text/plain", "{}", 415),
            ("application/x-www-form-urlencoded", "reason=late", 415),
        ] {
            assert_eq!(status(content_type, body), expected, "{content_type} {body:?}");
        }
    }

    #[test]
    fn a_flag_is_true_or_false_and_nothing_else() {
        assert_eq!(with_query(&[]).flag("deep").ok(), Some(false));
        for (text, flag) in [("true", true), ("false", false)] {
            assert_eq!(with_query(&[("deep", &[text])]).flag("deep").ok(), Some(flag));
        }
        for text in ["", "1", "0", "yes", "True", "TRUE", " true", "true "] {
            let problem = with_query(&[("deep", &[text])]).flag("deep").err().unwrap();
            let body = serde_json::to_value(problem.body(&CorrelationId::generate())).unwrap();
            assert_eq!(body["errors"][0]["pointer"], "deep", "{text:?}");
        }
        assert!(with_query(&[("deep", &["true", "true"])]).flag("deep").is_err());
    }

    #[test]
    fn a_claim_is_for_what_the_body_says_and_not_for_how_it_says_it() {
        let hash = |body: &str| {
            let request = http::Request::builder()
                .header(CONTENT_TYPE, "application/json")
                .header(IDEMPOTENCY_KEY, "a");
            let incoming = incoming(request, body);
            let claim = incoming.claim(&incoming.json().ok().unwrap()).ok().unwrap();
            claim.unwrap().request_hash
        };
        assert_eq!(hash(r#"{"a":1,"b":[2]}"#), hash(r#"{ "b": [2],  "a": 1 }"#));
        assert_ne!(hash(r#"{"a":1}"#), hash(r#"{"a":2}"#));
    }
}
