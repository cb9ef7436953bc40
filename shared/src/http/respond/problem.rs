//! Problem details (RFC 9457): the bodies of refused and failed requests.

use std::time::Duration;

use http::HeaderValue;
#[cfg(test)]
use http::StatusCode;
use http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::response::{Response, response};
use crate::domain::{CorrelationId, Scope};
use crate::error::chain;
use crate::{BoxError, trace};

/// `Retry-After` of a 503.
pub(super) const RETRY_AFTER_SECONDS: u32 = 5;

/// Why a request failed: a stable kind, and the details of this case.
pub struct Problem {
    kind: Kind,
    detail: String,
    /// Extension members of the body.
    members: Map<String, Value>,
    /// `Retry-After`, if the same request may succeed later.
    retry_after_seconds: Option<u32>,
    /// `Allow` or `WWW-Authenticate`. Boxed to keep every `Result` small.
    header: Option<Box<(HeaderName, HeaderValue)>>,
    /// Only for the log.
    cause: Option<BoxError>,
}

/// An error.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Problem))]
pub(in crate::http) struct ProblemBody<'a> {
    /// The kind, which is stable: the path of its description.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(format = "uri-reference"))]
    kind: String,
    /// The kind in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong in this case, for people.
    detail: &'a str,
    /// Identifies the request; quote it when you report a problem.
    correlation_id: &'a str,
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    members: &'a Map<String, Value>,
}

impl Problem {
    pub(in crate::http) fn unauthorized(challenge: &'static str) -> Self {
        let detail = "send a valid token as Authorization: Bearer <token>";
        Self::new(Kind::Unauthorized, detail)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// The token lacks all of these scopes, one of which is required.
    pub(in crate::http) fn forbidden(any_of: &[Scope]) -> Self {
        let scopes: Vec<_> = any_of.iter().map(|scope| scope.as_str()).collect();
        let detail = format!("the token needs the scope {}", scopes.join(" or "));
        let challenge =
            format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scopes.join(" "));
        let problem = Self::new(Kind::Forbidden, detail).with("scopes", scopes);
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => problem.with_header(WWW_AUTHENTICATE, challenge),
            Err(_) => problem,
        }
    }

    /// There is no route with this path.
    #[must_use]
    pub fn no_such_route() -> Self {
        Self::new(Kind::NoSuchRoute, "see /docs for the routes")
    }

    /// The path has routes, but only with the `allowed` methods.
    #[must_use]
    pub fn method_not_allowed(allowed: &[&str]) -> Self {
        let allow = allowed.join(", ");
        let problem = Self::new(Kind::MethodNotAllowed, format!("this path supports {allow}"))
            .with("methods", allowed);
        match HeaderValue::try_from(allow) {
            Ok(allow) => problem.with_header(ALLOW, allow),
            Err(_) => problem,
        }
    }

    pub(in crate::http) fn unsupported_media_type() -> Self {
        let detail = "send the body as JSON, with Content-Type: application/json";
        Self::new(Kind::UnsupportedMediaType, detail)
    }

    pub(in crate::http) fn body_too_large(limit_bytes: usize) -> Self {
        let detail = format!("a body may have at most {limit_bytes} bytes");
        Self::new(Kind::BodyTooLarge, detail)
            .with("limit_bytes", limit_bytes)
            .with("errors", json!([{ "pointer": "", "detail": "is too large" }]))
    }

    pub(in crate::http) fn query_too_long(limit_bytes: usize) -> Self {
        let detail = format!("a query string may have at most {limit_bytes} bytes");
        Self::new(Kind::QueryTooLong, detail).with("limit_bytes", limit_bytes)
    }

    pub(in crate::http) fn headers_too_large(limit_bytes: usize, limit: usize) -> Self {
        let detail = format!(
            "a request may have at most {limit} headers and {limit_bytes} bytes of headers"
        );
        Self::new(Kind::HeadersTooLarge, detail)
            .with("limit_bytes", limit_bytes)
            .with("limit", limit)
    }

    pub(in crate::http) fn precondition_required() -> Self {
        let detail = "read the order and send its ETag as If-Match";
        Self::new(Kind::PreconditionRequired, detail)
    }

    pub(in crate::http) fn put_precondition_required() -> Self {
        let detail = "to create a product, send If-None-Match: *; to replace one, send its ETag as \
                      If-Match";
        Self::new(Kind::PreconditionRequired, detail)
    }

    /// The handler did not answer within `waited`.
    pub(in crate::http) fn late(waited: Duration) -> Self {
        let waited = waited.as_secs_f64();
        let cause =
            format!("no answer within {waited:.1} s; it is unknown which dependency was slow");
        Self::unavailable(cause)
    }

    pub(super) fn unavailable(cause: impl Into<BoxError>) -> Self {
        let detail = "try again in a few seconds; if it keeps failing, quote the correlation id";
        Self {
            cause: Some(cause.into()),
            ..Self::new(Kind::Unavailable, detail).retry_after(RETRY_AFTER_SECONDS)
        }
    }

    pub(in crate::http) fn internal(cause: impl Into<BoxError>) -> Self {
        let detail = "unexpected error; quote the correlation id when you report it";
        Self { cause: Some(cause.into()), ..Self::new(Kind::Internal, detail) }
    }

    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            members: Map::new(),
            retry_after_seconds: None,
            header: None,
            cause: None,
        }
    }

    pub(super) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// Sets `Retry-After`.
    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    #[cfg(test)]
    pub(in crate::http) fn status(&self) -> StatusCode {
        self.kind.status()
    }

    pub(in crate::http) fn body<'a>(
        &'a self,
        correlation_id: &'a CorrelationId,
    ) -> ProblemBody<'a> {
        ProblemBody {
            kind: self.kind.path(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            correlation_id: correlation_id.as_str(),
            members: &self.members,
        }
    }

    /// Logs the problem and makes the response.
    pub(in crate::http) fn respond(&self, correlation_id: &CorrelationId) -> Response {
        let problem = self.kind.code();
        trace::problem(problem);
        match &self.cause {
            Some(cause) => tracing::error!(problem, error = chain(&**cause), "request failed"),
            None => tracing::info!(problem, "request refused"),
        }
        let body = serde_json::to_vec(&self.body(correlation_id)).unwrap_or_default();
        let status = self.kind.status();
        let mut response = response(status, "application/problem+json", body, correlation_id);
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(header) = &self.header {
            response.headers_mut().insert(header.0.clone(), header.1.clone());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(problem: &Problem) -> (u16, Value) {
        let response = problem.respond(&CorrelationId::parse("abc").unwrap());
        let status = response.status().as_u16();
        (status, serde_json::from_slice(response.body()).unwrap())
    }

    #[test]
    fn a_caller_who_is_refused_is_told_what_would_help() {
        let unauthorized = Problem::unauthorized("Bearer").respond(&CorrelationId::generate());
        assert_eq!(unauthorized.headers()[WWW_AUTHENTICATE], "Bearer");

        let any_of = [Scope::Read, Scope::Staff];
        let forbidden = Problem::forbidden(&any_of).respond(&CorrelationId::generate());
        assert_eq!(
            forbidden.headers()[WWW_AUTHENTICATE],
            "Bearer error=\"insufficient_scope\", scope=\"orders/read orders/staff\""
        );
        let (status, body) = body(&Problem::forbidden(&any_of));
        assert_eq!(status, 403);
        assert_eq!(body["scopes"], json!(["orders/read", "orders/staff"]));
    }

    #[test]
    fn a_wrong_method_is_told_which_are_right() {
        let problem = Problem::method_not_allowed(&["GET", "PUT"]);
        let response = problem.respond(&CorrelationId::generate());
        assert_eq!(response.headers()[ALLOW], "GET, PUT");
        let (status, body) = body(&problem);
        assert_eq!((status, &body["methods"]), (405, &json!(["GET", "PUT"])));
    }
}
