//! Fakes of what surrounds a function, for tests and benchmarks: the Lambda platform, AWS services that
//! fail, a warehouse, and a network that breaks.
#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a panic is how a test or a benchmark fails"
)]

pub mod aws;
pub mod fault;
pub mod function;
pub mod http;
pub mod platform;
pub mod proxy;
#[cfg(feature = "template")]
pub mod template;
pub mod warehouse;

use std::net::SocketAddr;
use std::time::Duration;

/// The longest that a test waits for one thing.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A name that was never used before: a correlation id, a part of a name.
#[must_use]
pub fn unique(word: &str) -> String {
    format!("{word}-{}", uuid::Uuid::new_v4().simple())
}

/// An address where nothing listens yet.
#[must_use]
pub fn unused_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
