//! Responses with the headers that every response has.

use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};

use crate::domain::CorrelationId;

/// The header of the correlation id, in requests and responses.
pub(in crate::http) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// Headers that every response has, unless its reply sets another value: no content sniffing, TLS
/// only (for two years), and no caching.
const ALWAYS: [(HeaderName, &str); 3] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (CACHE_CONTROL, "private, no-store"),
];

/// A response with its body.
pub type Response = http::Response<Vec<u8>>;

/// A response with the headers of every response.
pub(super) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    correlation_id: &CorrelationId,
) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.extend(ALWAYS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Ok(correlation_id) = HeaderValue::from_str(correlation_id.as_str()) {
        headers.insert(CORRELATION_ID, correlation_id);
    }
    response
}
