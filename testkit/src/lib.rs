//! Fakes for tests and benchmarks of functions: the Lambda platform, AWS services that fail, a warehouse,
//! and a network that breaks.
#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a panic is how a test or a benchmark fails"
)]

pub mod aws;
pub mod engine;
pub mod fault;
pub mod function;
pub mod http;
pub mod left_out;
pub mod mail;
pub mod platform;
pub mod postgres;
pub mod proxy;
pub mod sdk;
pub mod template;
pub mod warehouse;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// The longest that a test waits for one thing.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two tries of [`eventually`].
const PAUSE: Duration = Duration::from_millis(100);

/// A name that was never used before: a correlation id, a part of a name.
#[must_use]
pub fn unique(word: &str) -> String {
    format!("{word}-{}", Uuid::new_v4().simple())
}

/// An address where nothing listens yet, another one each time. Its port is below the range of outgoing
/// connections, so none of them takes it in the meantime.
#[must_use]
pub fn unused_address() -> SocketAddr {
    // Programs of tests run at the same time, so each begins somewhere else.
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(Uuid::new_v4().as_u64_pair().1 % 10_000));
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + next % 10_000).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
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

#[expect(clippy::disallowed_methods, reason = "the tests read this part of their environment here")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
