//! The problem of each error.

use serde_json::json;

use super::kind::Kind;
use super::problem::Problem;
use crate::Error;
use crate::domain::Version;
use crate::error::{OwnerLimit, Violation};

/// `Retry-After` for an owner at its limit: some orders will be confirmed by then.
const OWNER_LIMIT_RETRY_AFTER_SECONDS: u32 = 10;

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
            Error::KeyInFlight => Self::new(Kind::KeyInFlight, detail).retry_after(1),
            Error::TooManyOrders(limit) => {
                let (name, count) = match limit {
                    OwnerLimit::Pending(count) => ("pending", count),
                    OwnerLimit::PerMinute(count) => ("per_minute", count),
                };
                Self::new(Kind::TooManyOrders, detail)
                    .retry_after(OWNER_LIMIT_RETRY_AFTER_SECONDS)
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
    use http::header::RETRY_AFTER;
    use serde_json::Value;

    use super::*;
    use crate::domain::CorrelationId;

    fn body(error: Error) -> (u16, Value) {
        let response = Problem::from(error).respond(&CorrelationId::parse("abc").unwrap());
        let status = response.status().as_u16();
        (status, serde_json::from_slice(response.body()).unwrap())
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
    fn what_may_go_better_later_says_when() {
        let error = Error::unavailable("Postgres", "down");
        assert!(error.retryable());
        let response = Problem::from(error).respond(&CorrelationId::generate());
        assert_eq!(response.headers()[RETRY_AFTER], "5");
    }
}
