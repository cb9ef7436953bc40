//! The size limits of requests, checked first.
//!
//! API Gateway allows 10 KB of headers and request line, and 10 MB of body.

use crate::http::read::Request;
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
    let headers = &request.headers;
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || size > MAX_HEADER_BYTES {
        return Err(Problem::headers_too_large(MAX_HEADER_BYTES, MAX_HEADERS));
    }
    let query = request.query.iter();
    let size: usize = query.map(|(name, value)| name.len() + value.len() + "=&".len()).sum();
    if size > MAX_QUERY_BYTES {
        return Err(Problem::query_too_long(MAX_QUERY_BYTES));
    }
    if request.body.len() > MAX_BODY_BYTES {
        return Err(Problem::body_too_large(MAX_BODY_BYTES));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn status(request: &Request) -> u16 {
        check(request).map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    fn status_of_query(length: usize) -> u16 {
        let query = vec![("q".to_owned(), "x".repeat(length - "q=&".len()))];
        status(&Request { query, ..Request::default() })
    }

    fn status_of_headers(count: usize, length: usize) -> u16 {
        let value = "x".repeat(length);
        let headers = (0..count).map(|number| {
            let name: HeaderName = format!("x-{number:03}").parse().unwrap();
            (name, value.parse().unwrap())
        });
        status(&Request { headers: headers.collect(), ..Request::default() })
    }

    #[test]
    fn what_is_just_small_enough_passes_and_one_more_does_not() {
        assert_eq!(status_of_query(MAX_QUERY_BYTES), 200);
        assert_eq!(status_of_query(MAX_QUERY_BYTES + 1), 414);
        assert_eq!(status_of_headers(MAX_HEADERS, 1), 200);
        assert_eq!(status_of_headers(MAX_HEADERS + 1, 1), 431);
        assert_eq!(status_of_headers(16, 1024 - 5), 200);
        assert_eq!(status_of_headers(16, 1024 - 4), 431);
        for larger in [0, 1] {
            let size = MAX_BODY_BYTES + larger;
            let expected = if larger == 0 { 200 } else { 413 };
            assert_eq!(status(&Request { body: vec![0xff; size], ..Request::default() }), expected);
        }
    }
}
