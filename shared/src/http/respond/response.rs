//! Responses with the headers that every response has.

use std::future::ready;
use std::pin::Pin;

use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use lambda_http::{Body, IntoResponse};

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

/// A response as it goes to the gateway: text as it is, anything else in base64.
///
/// `lambda_http` tells them apart by the content type, and copies the body.
pub(in crate::http) struct Rendered(pub(in crate::http) Response);

impl IntoResponse for Rendered {
    fn into_response(self) -> Pin<Box<dyn Future<Output = http::Response<Body>> + Send>> {
        let response = self.0.map(|body| match String::from_utf8(body) {
            Ok(text) if text.is_empty() => Body::Empty,
            Ok(text) => Body::Text(text),
            Err(error) => Body::Binary(error.into_bytes()),
        });
        Box::pin(ready(response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn text_is_sent_as_it_is_and_bytes_as_bytes() {
        for (body, expected) in [
            (&b"{}"[..], Body::Text("{}".to_owned())),
            (&[0xff, 0], Body::Binary(vec![0xff, 0])),
            (b"", Body::Empty),
        ] {
            let response = http::Response::builder().status(409).header("etag", "\"2\"");
            let rendered = Rendered(response.body(body.to_vec()).unwrap()).into_response().await;
            assert_eq!(
                (rendered.status(), &rendered.headers()["etag"]),
                (StatusCode::CONFLICT, &"\"2\"".parse().unwrap())
            );
            assert_eq!(*rendered.body(), expected);
        }
    }
}
