//! Fakes for tests and benchmarks of functions: the Lambda platform, AWS services that fail, a warehouse,
//! and a network that breaks.
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
pub mod mail;
pub mod platform;
pub mod proxy;
#[cfg(feature = "sdk")]
pub mod sdk;
#[cfg(feature = "template")]
pub mod template;
pub mod warehouse;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The longest that a test waits for one thing.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two tries of [`eventually`].
const PAUSE: Duration = Duration::from_millis(100);

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

/// Calls `probe` until it returns a value, for at most [`PATIENCE`].
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
