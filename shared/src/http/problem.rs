//! Errors as clients see them: RFC 9457 problem details.

use lambda_http::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::server::response;
use crate::domain::{CorrelationId, Scope};
use crate::error::chain;
use crate::{BoxError, Error};

/// When a client should ask again after a 503.
const RETRY_AFTER_SECONDS: u32 = 5;

/// Why a request was not fulfilled: a kind that stays the same, and what is particular this time.
pub struct Problem {
    status: StatusCode,
    /// The last part of `type`.
    code: &'static str,
    title: &'static str,
    detail: String,
    /// Further members of the body.
    members: Map<String, Value>,
    /// When the same request may succeed.
    retry_after_seconds: Option<u32>,
    /// What a token is asked for with (RFC 6750, 3). Boxed, as every `Result` here has room for it.
    challenge: Option<Box<HeaderValue>>,
    /// For the log alone.
    cause: Option<BoxError>,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    correlation_id: &'a CorrelationId,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    pub(super) fn unauthorized(challenge: &'static str) -> Self {
        Self {
            challenge: Some(Box::new(HeaderValue::from_static(challenge))),
            ..Self::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "A valid token is required",
                "send a token that is valid now, as Authorization: Bearer",
            )
        }
    }

    /// Names the scopes, any one of which would do.
    pub(super) fn forbidden(any_of: &[Scope]) -> Self {
        let scopes: Vec<_> = any_of.iter().map(|scope| scope.as_str()).collect();
        let detail = format!("the token needs the scope {}", scopes.join(" or "));
        let challenge =
            format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scopes.join(" "));
        Self {
            challenge: HeaderValue::try_from(challenge).ok().map(Box::new),
            ..Self::new(StatusCode::FORBIDDEN, "forbidden", "The token does not allow this", detail)
                .with("scopes", scopes)
        }
    }

    pub(super) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body is not JSON",
            "send the body as JSON, with Content-Type: application/json",
        )
    }

    pub(super) fn body_too_large(limit_bytes: usize) -> Self {
        let detail = format!("a body may have at most {limit_bytes} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large", detail)
            .with("limit_bytes", limit_bytes)
            .with("errors", json!([{ "pointer": "", "detail": "is too large" }]))
    }

    pub(super) fn precondition_required() -> Self {
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition-required",
            "If-Match is required",
            "send the ETag of the order that you read as If-Match, so that no change is lost",
        )
    }

    pub(super) fn put_precondition_required() -> Self {
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition-required",
            "If-Match or If-None-Match is required",
            "to create, send If-None-Match: *; to replace, send the ETag that you read as If-Match, \
             so that no change is lost",
        )
    }

    fn product_exists(current: Option<i64>) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "product-exists",
            "There is such a product",
            "to replace it, read it, and send its ETag as If-Match",
        )
        .with("current_version", current)
    }

    fn product_missing() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "product-missing",
            "There is no such product",
            "to create it, send If-None-Match: *",
        )
    }

    fn stock_taken(version: i64, stock: i32) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "stock-taken",
            "The stock changed meanwhile",
            "the change would leave less than nothing, or more than can be counted; read the product \
             again, and send its ETag as If-Match",
        )
        .with("current_version", version)
        .with("current_stock", stock)
    }

    pub(super) fn internal(cause: impl Into<BoxError>) -> Self {
        let detail = "something went wrong inside the service; quote the correlation id";
        let internal = StatusCode::INTERNAL_SERVER_ERROR;
        Self {
            cause: Some(cause.into()),
            ..Self::new(internal, "internal", "Internal error", detail)
        }
    }

    fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            members: Map::new(),
            retry_after_seconds: None,
            challenge: None,
            cause: None,
        }
    }

    fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Logs what there is to log, and makes the response.
    pub(super) fn respond(&self, correlation_id: &CorrelationId) -> Response<Body> {
        let problem = self.code;
        match &self.cause {
            Some(cause) => tracing::error!(problem, error = chain(&**cause), "the request failed"),
            None => tracing::info!(problem, "the request is refused"),
        }
        let body = ProblemBody {
            kind: format!("/problems/{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            correlation_id,
            members: &self.members,
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = response(self.status, "application/problem+json", body, correlation_id);
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = &self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::clone(challenge));
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(violations) => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid-request",
                "The request is not valid",
                "see errors for what is wrong, and where",
            )
            .with("errors", json!(violations)),
            Error::OrderNotFound => {
                Self::new(StatusCode::NOT_FOUND, "order-not-found", "No such order", detail)
            }
            Error::ProductNotFound => {
                Self::new(StatusCode::NOT_FOUND, "product-not-found", "No such product", detail)
            }
            Error::UnknownProducts(ids) => Self::new(
                StatusCode::NOT_FOUND,
                "unknown-product",
                "A product is not for sale",
                detail,
            )
            .with("product_ids", json!(ids)),
            Error::InsufficientStock(shortages) => {
                Self::new(StatusCode::CONFLICT, "insufficient-stock", "Not enough is left", detail)
                    .with("shortages", json!(shortages))
            }
            Error::IllegalTransition { from, to } => Self::new(
                StatusCode::CONFLICT,
                "illegal-transition",
                "The order can't become that",
                detail,
            )
            .with("from", from.as_str())
            .with("to", to.as_str())
            .with("next_statuses", json!(from.next().collect::<Vec<_>>())),
            Error::VersionMismatch { current } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "version-mismatch",
                "It was changed meanwhile",
                "read it again, and send its ETag as If-Match if you still want the change",
            )
            .with("current_version", current),
            Error::ProductExists { current } => Self::product_exists(current),
            Error::ProductMissing => Self::product_missing(),
            Error::StockTaken { version, stock } => Self::stock_taken(version, stock),
            Error::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The idempotency key was used before",
                detail,
            ),
            Error::KeyInFlight => Self {
                retry_after_seconds: Some(1),
                ..Self::new(
                    StatusCode::CONFLICT,
                    "idempotency-key-in-flight",
                    "The same request is at work",
                    detail,
                )
            },
            Error::MixedCurrencies => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "mixed-currencies",
                "The lines are in different currencies",
                detail,
            ),
            Error::AmountOutOfRange(_) => Self::new(
                StatusCode::BAD_REQUEST,
                "amount-out-of-range",
                "The total is too large",
                detail,
            )
            .with("errors", json!([{ "pointer": "/items", "detail": "cost too much together" }])),
            Error::Unavailable { .. } => Self {
                cause: Some(error.into()),
                retry_after_seconds: Some(RETRY_AFTER_SECONDS),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "The service can't answer now",
                    "try again in a few seconds; if it goes on, quote the correlation id",
                )
            },
            Error::Internal(cause) => Self::internal(cause),
        }
    }
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
                "title": "No such order",
                "status": 404,
                "detail": "there is no such order",
                "correlation_id": "abc",
            })
        );
    }

    #[test]
    fn a_5xx_says_nothing_of_the_inside() {
        for error in [
            Error::Internal("no table named orders".into()),
            Error::Unavailable { dependency: "Postgres", source: "10.0.0.7 refused".into() },
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
    fn what_may_go_better_later_says_when() {
        let error = Error::Unavailable { dependency: "Postgres", source: "down".into() };
        assert!(error.retryable());
        let response = Problem::from(error).respond(&CorrelationId::generate());
        assert_eq!(response.headers()[RETRY_AFTER], "5");
    }
}
