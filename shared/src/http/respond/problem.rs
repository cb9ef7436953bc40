//! Problem details (RFC 9457): the errors of the HTTP API.

use std::time::Duration;

use lambda_http::http::HeaderValue;
#[cfg(test)]
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::{Body, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::response::response;
use crate::domain::{CorrelationId, Scope, Version};
use crate::error::{OwnerLimit, Violation, chain};
use crate::{BoxError, Error};

/// `Retry-After` of a 503.
pub(super) const RETRY_AFTER_SECONDS: u32 = 5;

/// `Retry-After` for an owner at its limit: some orders will be confirmed by then.
const OWNER_LIMIT_RETRY_AFTER_SECONDS: u32 = 10;

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

    fn unavailable(cause: impl Into<BoxError>) -> Self {
        let detail = "try again in a few seconds; if it keeps failing, quote the correlation id";
        Self {
            cause: Some(cause.into()),
            retry_after_seconds: Some(RETRY_AFTER_SECONDS),
            ..Self::new(Kind::Unavailable, detail)
        }
    }

    pub(in crate::http) fn internal(cause: impl Into<BoxError>) -> Self {
        let detail = "unexpected error; quote the correlation id when you report it";
        Self { cause: Some(cause.into()), ..Self::new(Kind::Internal, detail) }
    }

    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            members: Map::new(),
            retry_after_seconds: None,
            header: None,
            cause: None,
        }
    }

    fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
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
    pub(in crate::http) fn respond(&self, correlation_id: &CorrelationId) -> Response<Body> {
        let problem = self.kind.code();
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

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(violations) => Self::new(Kind::InvalidRequest, summary(&violations))
                .with("errors", json!(violations)),
            Error::OrderNotFound => Self::new(Kind::OrderNotFound, detail),
            Error::ProductNotFound => Self::new(Kind::ProductNotFound, detail),
            Error::UnknownProducts(ids) => {
                Self::new(Kind::UnknownProduct, detail).with("product_ids", json!(ids))
            }
            Error::InsufficientStock(shortages) => {
                Self::new(Kind::InsufficientStock, detail).with("shortages", json!(shortages))
            }
            Error::IllegalTransition { from, to } => Self::new(Kind::IllegalTransition, detail)
                .with("from", from.as_str())
                .with("to", to.as_str())
                .with("next_statuses", json!(from.next().collect::<Vec<_>>())),
            Error::VersionMismatch { current } => {
                let detail = "read it again, then resend the change with its new ETag as If-Match";
                Self::new(Kind::VersionMismatch, detail).with("current_version", current.get())
            }
            Error::ProductExists { current } => {
                let detail = "to replace it, read it and send its ETag as If-Match";
                Self::new(Kind::ProductExists, detail)
                    .with("current_version", current.map(Version::get))
            }
            Error::ProductMissing => {
                Self::new(Kind::ProductMissing, "to create it, send If-None-Match: *")
            }
            Error::StockTaken { version, stock } => {
                let detail = "the change would make the stock negative or too large; read the \
                              product again and send its new ETag as If-Match";
                Self::new(Kind::StockTaken, detail)
                    .with("current_version", version.get())
                    .with("current_stock", stock.get())
            }
            Error::KeyReused => Self::new(Kind::KeyReused, detail),
            Error::KeyInFlight => {
                Self { retry_after_seconds: Some(1), ..Self::new(Kind::KeyInFlight, detail) }
            }
            Error::TooManyOrders(limit) => {
                let (name, count) = match limit {
                    OwnerLimit::Pending(count) => ("pending", count),
                    OwnerLimit::PerMinute(count) => ("per_minute", count),
                };
                let retry_after_seconds = Some(OWNER_LIMIT_RETRY_AFTER_SECONDS);
                Self { retry_after_seconds, ..Self::new(Kind::TooManyOrders, detail) }
                    .with("limit_name", name)
                    .with("limit", count)
            }
            Error::MixedCurrencies => Self::new(Kind::MixedCurrencies, detail),
            Error::AmountOutOfRange(_) => Self::new(Kind::AmountOutOfRange, detail).with(
                "errors",
                json!([{ "pointer": "/items", "detail": "cost too much in total" }]),
            ),
            Error::Unavailable { .. } => Self::unavailable(error),
            Error::Internal(cause) => Self::internal(cause),
        }
    }
}

/// The first error in words, and how many more there are.
fn summary(violations: &[Violation]) -> String {
    let Some((first, rest)) = violations.split_first() else { return "see errors".to_owned() };
    let place = if first.pointer.is_empty() { "the body" } else { first.pointer.as_str() };
    let more = match rest.len() {
        0 => String::new(),
        1 => " (and 1 more error)".to_owned(),
        count => format!(" (and {count} more errors)"),
    };
    format!("{place} {}{more}", first.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(problem: impl Into<Problem>) -> (u16, Value) {
        let response = problem.into().respond(&CorrelationId::parse("abc").unwrap());
        let status = response.status().as_u16();
        let Body::Text(text) = response.into_body() else { panic!("no text") };
        (status, serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_the_correlation_id() {
        let (status, body) = body(Error::OrderNotFound);
        assert_eq!(status, 404);
        assert_eq!(
            body,
            json!({
                "type": "/problems/order-not-found",
                "title": "Order not found",
                "status": 404,
                "detail": "there is no order with this id, or it belongs to someone else",
                "correlation_id": "abc",
            })
        );
    }

    #[test]
    fn the_detail_of_a_400_names_its_first_error() {
        let violation = |pointer: &str| Violation {
            pointer: pointer.to_owned(),
            detail: "is missing".to_owned(),
        };
        for (pointers, detail) in [
            (&[""][..], "the body is missing"),
            (&["/items", "limit"][..], "/items is missing (and 1 more error)"),
            (&["limit", "/items", "q"][..], "limit is missing (and 2 more errors)"),
        ] {
            let violations = pointers.iter().map(|pointer| violation(pointer)).collect();
            assert_eq!(body(Error::Invalid(violations)).1["detail"], detail);
        }
    }

    #[test]
    fn a_5xx_says_nothing_of_the_inside() {
        for error in [
            Error::internal("no table named orders"),
            Error::unavailable("Postgres", "10.0.0.7 refused"),
        ] {
            let (status, body) = body(error);
            assert!(status >= 500);
            let text = body.to_string();
            assert!(!text.contains("table") && !text.contains("10.0.0.7"), "{text}");
            assert!(!text.contains("Postgres") && text.contains("abc"), "{text}");
        }
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
        let (status, body) = body(Problem::forbidden(&any_of));
        assert_eq!(status, 403);
        assert_eq!(body["scopes"], json!(["orders/read", "orders/staff"]));
    }

    #[test]
    fn a_wrong_method_is_told_which_are_right() {
        let problem = Problem::method_not_allowed(&["GET", "PUT"]);
        let response = problem.respond(&CorrelationId::generate());
        assert_eq!(response.headers()[ALLOW], "GET, PUT");
        let (status, body) = body(problem);
        assert_eq!((status, &body["methods"]), (405, &json!(["GET", "PUT"])));
    }

    #[test]
    fn what_may_go_better_later_says_when() {
        let error = Error::unavailable("Postgres", "down");
        assert!(error.retryable());
        let response = Problem::from(error).respond(&CorrelationId::generate());
        assert_eq!(response.headers()[RETRY_AFTER], "5");
    }
}
