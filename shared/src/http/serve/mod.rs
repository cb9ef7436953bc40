//! Serves requests.

mod access;
mod answer;
mod limits;

pub use access::Callers;
pub use answer::{REQUEST_TIME, answer, answer_anyone, serve, serve_public};

#[cfg(feature = "openapi")]
pub(super) use limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES};
