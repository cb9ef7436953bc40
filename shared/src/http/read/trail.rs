//! The ids by which a request is traced.

use super::event::Request;
use crate::domain::CorrelationId;
use crate::http::respond::CORRELATION_ID;
use crate::trace;

/// The ids by which a request is traced.
pub(in crate::http) struct Trail {
    pub(in crate::http) correlation_id: CorrelationId,
    /// That of the span, or else that of the caller.
    pub(super) traceparent: Option<String>,
    /// The span of the request.
    pub(in crate::http) traced: trace::Span,
}

impl Trail {
    /// A correlation id is made, unless the request has a valid one. Another `traceparent` is dropped.
    pub(in crate::http) fn of(request: &Request) -> Self {
        let header = |name: &str| request.headers.get(name)?.to_str().ok();
        let correlation_id = header(CORRELATION_ID.as_str())
            .and_then(CorrelationId::parse)
            .unwrap_or_else(CorrelationId::generate);
        let of_caller = header("traceparent").filter(|text| is_traceparent(text));
        let traced = trace::request(request.method.as_str(), of_caller);
        traced.correlation(correlation_id.as_str());
        let traceparent = traced.traceparent().or_else(|| of_caller.map(str::to_owned));
        Self { correlation_id, traceparent, traced }
    }
}

/// Whether a text has the form of W3C Trace Context, version 00. It is passed on to other services, so
/// anything else is dropped.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: Option<&str>, length: usize| {
        part.is_some_and(|part| {
            part.len() == length
                && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let mut parts = text.split('-');
    hex(parts.next(), 2)
        && hex(parts.next(), 32)
        && hex(parts.next(), 16)
        && hex(parts.next(), 2)
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_correlation_id_is_kept_and_another_replaced() {
        let with = |id: &str| {
            let mut request = Request::default();
            request.headers.insert(CORRELATION_ID, id.parse().unwrap());
            let trail = Trail::of(&request);
            trail.correlation_id.as_str().to_owned()
        };
        assert_eq!(with("checkout-42"), "checkout-42");
        assert_ne!(with("two words"), "two words");
    }

    #[test]
    fn a_traceparent_is_passed_on_only_in_its_own_form() {
        assert!(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        for text in
            ["", "00", "00-0af7-b7ad-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"]
        {
            assert!(!is_traceparent(text), "{text}");
        }
    }
}
