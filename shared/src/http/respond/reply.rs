//! Replies of handlers.

use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, LINK,
    LOCATION,
};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::problem::Problem;
use super::response::{Response, response};
use crate::domain::CorrelationId;

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The Content-Security-Policy of a page: inline styles only, no frames.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'none'";

/// The Content-Security-Policy of a page with scripts: they come from here, and so does what they load.
const SCRIPTS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; \
                              connect-src 'self'; img-src 'self' data:; font-src 'self' data:; \
                              base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The reply of a handler.
pub struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    content_type: &'static str,
    body: Result<Vec<u8>, serde_json::Error>,
}

/// The next page of a list.
pub(in crate::http) struct NextPage {
    pub(in crate::http) cursor: String,
    /// Its URL, relative to that of the request.
    pub(in crate::http) target: String,
}

impl Reply {
    /// A reply with a JSON body.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self { body: serde_json::to_vec(body), ..Self::text(status, "application/json", "") }
    }

    /// A reply with a document that is the same for every caller until the next release.
    pub fn document(content_type: &'static str, body: &str) -> Self {
        Self::text(StatusCode::OK, content_type, body)
            .with(CACHE_CONTROL, "public, max-age=300".to_owned())
    }

    /// A reply with an HTML page with inline styles and no scripts.
    #[must_use]
    pub fn page(html: &str) -> Self {
        Self::document("text/html; charset=utf-8", html)
            .with(CONTENT_SECURITY_POLICY, PAGE_POLICY.to_owned())
    }

    /// A reply with an HTML page with inline styles and scripts of this service.
    #[must_use]
    pub fn page_with_scripts(html: &str) -> Self {
        Self::document("text/html; charset=utf-8", html)
            .with(CONTENT_SECURITY_POLICY, SCRIPTS_POLICY.to_owned())
    }

    /// A reply with a script, compressed by gzip, that never changes under its URL.
    #[must_use]
    pub fn gzipped_script(bytes: &[u8]) -> Self {
        let reply = Self::text(StatusCode::OK, "text/javascript; charset=utf-8", "")
            .with(CONTENT_ENCODING, "gzip".to_owned())
            .with(CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned());
        Self { body: Ok(bytes.to_vec()), ..reply }
    }

    fn text(status: StatusCode, content_type: &'static str, body: &str) -> Self {
        Self { status, headers: Vec::new(), content_type, body: Ok(body.into()) }
    }

    /// A reply with a page of a list, with a link to the next one (RFC 8288).
    pub(super) fn list(body: &impl Serialize, next: Option<&NextPage>) -> Self {
        let reply = Self::json(StatusCode::OK, body);
        match next {
            Some(next) => reply.with(LINK, format!("<{}>; rel=\"next\"", next.target)),
            None => reply,
        }
    }

    /// Becomes a 304 if the client knows the `ETag`.
    pub(in crate::http) fn unless(mut self, is_known: impl FnOnce(&str) -> bool) -> Self {
        let tag = self.headers.iter().find(|(name, _)| *name == ETAG);
        if self.status == StatusCode::OK && tag.is_some_and(|(_, tag)| is_known(tag)) {
            self.status = StatusCode::NOT_MODIFIED;
        }
        self
    }

    /// Sets `Location` to a reference relative to the URL of the request (RFC 3986, 4.2), since
    /// only the client knows the base path of the API.
    #[must_use]
    pub fn at(self, reference: String) -> Self {
        self.with(LOCATION, reference)
    }

    /// Marks the reply as that of an earlier request with the same key.
    #[must_use]
    pub fn replayed(self) -> Self {
        self.with(IDEMPOTENT_REPLAYED, "true".to_owned())
    }

    /// Makes the response.
    pub(in crate::http) fn respond(
        self,
        correlation_id: &CorrelationId,
    ) -> Result<Response, Problem> {
        let body = self.body.map_err(Problem::internal)?;
        let mut response = response(self.status, self.content_type, body, correlation_id);
        for (name, value) in self.headers {
            let value = HeaderValue::try_from(value).map_err(Problem::internal)?;
            response.headers_mut().insert(name, value);
        }
        if self.status == StatusCode::NOT_MODIFIED {
            response.body_mut().clear();
            response.headers_mut().remove(CONTENT_TYPE);
        }
        Ok(response)
    }

    pub(super) fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use http::header::IF_NONE_MATCH;
    use lambda_http::{Body, Request};

    use super::*;
    use crate::domain::{Buckets, Currency, Money, Product, ProductId, Stock, Version};
    use crate::http::respond::CORRELATION_ID;
    use crate::http::{answer_anyone, routes};

    async fn asked(method: Method, known: &str, status: StatusCode) -> Response {
        let product = Product {
            id: ProductId::from(uuid::Uuid::from_u128(7)),
            name: "Enamel mug".to_owned(),
            price: Money::new(1450, Currency::parse("EUR").unwrap()).unwrap(),
            stock: Stock::new(41).unwrap(),
            buckets: Buckets::ONE,
            active: true,
            version: Version::new(7).unwrap(),
            updated_at: "2026-02-21T12:00:00Z".parse().unwrap(),
        };
        let mut request = Request::new(Body::Empty);
        *request.method_mut() = method;
        request.headers_mut().insert(IF_NONE_MATCH, known.parse().unwrap());
        let handler = async |_| Ok(Reply::product(status, &product));
        answer_anyone(request, &routes::GET_PRODUCT, handler).await
    }

    #[tokio::test]
    async fn who_has_it_already_is_told_so_without_a_body() {
        for known in ["\"7-41\"", "W/\"1-1\", W/\"7-41\"", "*"] {
            let response = asked(Method::GET, known, StatusCode::OK).await;
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert!(response.body().is_empty());
            let headers = response.headers();
            assert_eq!(headers[ETAG], "\"7-41\"");
            assert_eq!(headers[CACHE_CONTROL], "private, max-age=3");
            assert!(headers.contains_key(CORRELATION_ID) && !headers.contains_key(CONTENT_TYPE));
        }
    }

    #[tokio::test]
    async fn whatever_else_is_answered_whole() {
        for (method, known, status) in [
            (Method::GET, "\"7-40\"", StatusCode::OK),
            (Method::GET, "\"7\"", StatusCode::OK),
            (Method::PUT, "*", StatusCode::OK),
            (Method::GET, "*", StatusCode::CREATED),
        ] {
            let response = asked(method, known, status).await;
            assert_eq!(response.status(), status);
            assert!(String::from_utf8_lossy(response.body()).contains("Enamel mug"));
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        }
    }
}
