//! The ids by which a request is traced.

use lambda_http::Request;

use crate::domain::CorrelationId;
use crate::http::respond::CORRELATION_ID;
use crate::trace::{self, TraceContext};

/// The ids by which a request is traced.
pub(in crate::http) struct Trail {
    pub(in crate::http) correlation_id: CorrelationId,
    /// That of the span, or else that of the caller.
    pub(super) traceparent: Option<String>,
    /// The span of the request.
    pub(in crate::http) traced: trace::Span,
}

impl Trail {
    /// A correlation id is made, unless the request has a valid one. An invalid `traceparent` is dropped:
    /// it would be passed on to other services.
    pub(in crate::http) fn of(request: &Request) -> Self {
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let correlation_id = header(CORRELATION_ID.as_str())
            .and_then(CorrelationId::parse)
            .unwrap_or_else(CorrelationId::generate);
        let of_caller = header("traceparent").filter(|text| TraceContext::parse(text).is_some());
        let traced = trace::request(request.method().as_str(), of_caller);
        traced.correlation(correlation_id.as_str());
        let traceparent = traced.traceparent().or_else(|| of_caller.map(str::to_owned));
        Self { correlation_id, traceparent, traced }
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;

    use super::*;

    #[test]
    fn a_sane_correlation_id_is_kept_and_another_replaced() {
        let with = |id: &str| {
            let request = http::Request::builder().header(CORRELATION_ID, id);
            let trail = Trail::of(&request.body(Body::Empty).unwrap());
            trail.correlation_id.as_str().to_owned()
        };
        assert_eq!(with("checkout-42"), "checkout-42");
        assert_ne!(with("two words"), "two words");
    }

    #[test]
    fn a_traceparent_is_passed_on_only_in_its_own_form() {
        let with = |traceparent: &str| {
            let mut request = Request::new(Body::Empty);
            request.headers_mut().insert("traceparent", traceparent.parse().unwrap());
            Trail::of(&request).traceparent
        };
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(with(good).as_deref(), Some(good));
        for text in ["", "00", "00-0af7-b7ad-01", &good.to_uppercase()] {
            assert_eq!(with(text), None, "{text}");
        }
    }
}
