//! The size limits of requests, checked first.
//!
//! API Gateway allows 10 KB of headers and request line, and 10 MB of body.

use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::{Request, RequestExt};

use crate::http::read::bytes;
use crate::http::respond::Problem;

/// The largest body; a hundred lines take about 8 KiB.
pub(in crate::http) const MAX_BODY_BYTES: usize = 32 * 1024;

/// The longest query string, decoded; the longest of a list takes about 1 KiB.
pub(in crate::http) const MAX_QUERY_BYTES: usize = 4 * 1024;

/// The most bytes of header names and values; a token takes about 2 KiB.
pub(in crate::http) const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The most headers.
pub(in crate::http) const MAX_HEADERS: usize = 100;

/// Checks the size of a request.
///
/// # Errors
/// 431, 414 or 413 if a part is too large.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || size > MAX_HEADER_BYTES {
        return Err(Problem::headers_too_large(MAX_HEADER_BYTES, MAX_HEADERS));
    }
    // Reads the parsed parameters of the event, without building the URL.
    let query = request.query_string_parameters_ref().into_iter().flat_map(QueryMap::iter);
    let size: usize = query.map(|(name, value)| name.len() + value.len() + "=&".len()).sum();
    if size > MAX_QUERY_BYTES {
        return Err(Problem::query_too_long(MAX_QUERY_BYTES));
    }
    if bytes(request.body()).len() > MAX_BODY_BYTES {
        return Err(Problem::body_too_large(MAX_BODY_BYTES));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lambda_http::{Body, http};

    use super::*;

    fn status_of_query(length: usize) -> u16 {
        let query = HashMap::from([("q".to_owned(), vec!["x".repeat(length - "q=&".len())])]);
        let request = Request::new(Body::Empty).with_query_string_parameters(query);
        check(&request).map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    fn status(request: http::request::Builder, body: impl Into<Body>) -> u16 {
        let request = request.body(body.into()).unwrap();
        check(&request).map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    fn get() -> http::request::Builder {
        http::Request::get("/")
    }

    fn with_headers(count: usize, length: usize) -> http::request::Builder {
        (0..count).fold(get(), |request, number| {
            request.header(format!("x-{number:03}"), "x".repeat(length))
        })
    }

    #[test]
    fn what_is_just_small_enough_passes_and_one_more_does_not() {
        assert_eq!(status_of_query(MAX_QUERY_BYTES), 200);
        assert_eq!(status_of_query(MAX_QUERY_BYTES + 1), 414);
        assert_eq!(status(with_headers(MAX_HEADERS, 1), Body::Empty), 200);
        assert_eq!(status(with_headers(MAX_HEADERS + 1, 1), Body::Empty), 431);
        assert_eq!(status(with_headers(16, 1024 - 5), Body::Empty), 200);
        assert_eq!(status(with_headers(16, 1024 - 4), Body::Empty), 431);
        for larger in [0, 1] {
            let size = MAX_BODY_BYTES + larger;
            let expected = if larger == 0 { 200 } else { 413 };
            assert_eq!(status(get(), "x".repeat(size)), expected);
            assert_eq!(status(get(), vec![0xff; size]), expected);
        }
    }
}
