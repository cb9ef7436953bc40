//! The HTTP server behind every fake.

use hyper::body::Bytes;

pub use faults::http::{Request, Response, Server, serve};

/// A response with this status, these headers and this body.
pub fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let mut response = hyper::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// The value of a header; empty if the request lacks it.
#[must_use]
pub fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |value| value.to_str().unwrap())
}
