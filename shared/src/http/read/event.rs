//! Reads the gateway's event as a request.

use std::convert::Infallible;

use http::header::{HOST, HeaderName};
use lambda_http::Request;
use lambda_http::request::LambdaRequest;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Reads an event as a request.
#[must_use]
pub fn read_event(event: LambdaRequest) -> Request {
    without_url(event).into()
}

/// Removes from `event` what `lambda_http` builds a URL from.
///
/// `lambda_http` builds one from scheme, host, path and query string, and panics if the result is
/// invalid: a `<` in the query is enough (aws/aws-lambda-rust-runtime#515). The service never uses that
/// URL: the gateway has matched the route and the path parameters, and the query is read here.
pub(in crate::http) fn without_url(mut event: LambdaRequest) -> LambdaRequest {
    if let LambdaRequest::ApiGatewayV2(event) = &mut event {
        if let Some(query) = event.raw_query_string.take() {
            let parsed: Result<_, Infallible> = query.parse();
            event.query_string_parameters = parsed.unwrap_or_default();
        }
        event.raw_path = Some("/".to_owned());
        event.request_context.domain_name = None;
        event.headers.remove(HOST);
        event.headers.remove(FORWARDED_PROTO);
    }
    event
}

#[cfg(test)]
mod tests {
    use lambda_http::RequestExt;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_url_can_be_made_of_is_a_request_all_the_same() {
        let event = |path: &str, host: &str, proto: &str| {
            json!({
                "version": "2.0",
                "routeKey": "GET /products",
                "rawPath": path,
                "rawQueryString": "q=<%3E&q=b+\u{e9}",
                "headers": { "host": host, "x-forwarded-proto": proto, "x-correlation-id": "a" },
                "requestContext": {
                    "domainName": host,
                    "http": { "method": "GET", "path": path },
                    "stage": "$default",
                },
                "pathParameters": { "id": path },
                "isBase64Encoded": false,
            })
        };
        for (path, host, proto) in [
            ("/products", "example.com", "https"),
            ("/products", "a b", "https"),
            ("/products", "", "https"),
            ("/products", "example.com", "a b"),
            ("/products", "example.com:port", ""),
            (":port", "", ""),
            ("", "[", ":"),
        ] {
            let request = read_event(serde_json::from_value(event(path, host, proto)).unwrap());
            let query = request.query_string_parameters();
            assert_eq!(query.all("q"), Some(vec!["<>", "b \u{e9}"]), "{path} {host} {proto}");
            assert_eq!(request.path_parameters().first("id"), Some(path));
            assert_eq!(request.headers()["x-correlation-id"], "a");
        }
    }
}
