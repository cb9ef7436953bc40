//! A TCP proxy that records what clients send through it, and can hold traffic back, cut it or lose it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use faults::proxy::{Direction, Witness};
use tokio::net::TcpListener;

use crate::PATIENCE;

pub use faults::proxy::Holds;

/// A proxy between clients and a server, until it is dropped.
pub struct Proxy {
    proxy: faults::proxy::Proxy,
    recorded: Arc<Recorded>,
}

/// What clients sent, by the number of the connection.
#[derive(Default)]
struct Recorded(Mutex<BTreeMap<usize, Vec<u8>>>);

/// Lets the proxy and its owner share one record.
struct Recorder(Arc<Recorded>);

impl Witness for Recorder {
    fn passes(&self, connection: usize, direction: Direction, bytes: &[u8]) {
        if direction == Direction::Request {
            self.0.0.lock().unwrap().entry(connection).or_default().extend_from_slice(bytes);
        }
    }
}

impl Proxy {
    /// Listens on a free port, for the server at `target`, such as `127.0.0.1:5432`.
    pub async fn to(target: &str) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), target)
    }

    /// Listens on a port that was chosen before.
    #[must_use]
    pub fn on(listener: TcpListener, target: &str) -> Self {
        let recorded = Arc::<Recorded>::default();
        let witness = Recorder(Arc::clone(&recorded));
        Self { proxy: faults::proxy::Proxy::on(listener, target, witness).unwrap(), recorded }
    }

    /// `url` with the proxy's address instead of the server's.
    #[must_use]
    pub fn instead_of(&self, url: &str) -> String {
        url.replacen(authority(url), &self.address.to_string(), 1)
    }

    /// Waits until something was held back or cut off.
    pub async fn struck(&self) {
        let strikes = self.proxy.strikes();
        tokio::time::timeout(PATIENCE, strikes.at_least(1)).await.unwrap();
    }

    /// How many times something was held back or cut off since the last `hold`.
    #[must_use]
    pub fn strikes(&self) -> usize {
        self.proxy.strikes().count()
    }

    /// Makes the present connections silent, like a network that has forgotten them.
    pub fn go_silent(&self) {
        self.proxy.go_silent().unwrap();
    }

    /// Forgets the recorded bytes.
    pub fn forget(&self) {
        self.recorded.0.lock().unwrap().values_mut().for_each(Vec::clear);
    }

    /// What clients sent, one entry a connection.
    #[must_use]
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.recorded.0.lock().unwrap().values().cloned().collect()
    }

    /// How many HTTP requests were posted.
    #[must_use]
    pub fn http_posts(&self) -> usize {
        let posts = |sent: &Vec<u8>| sent.windows(6).filter(|bytes| bytes == b"POST /").count();
        self.sent().iter().map(posts).sum()
    }

    /// How many round trips to a Postgres server there were: one for each `Query` or `Sync`. Its answer is
    /// not counted, because a client may go on before the last message of one has arrived.
    #[must_use]
    pub fn postgres_round_trips(&self) -> usize {
        self.sent().iter().map(|sent| postgres_requests(sent)).sum()
    }
}

impl Deref for Proxy {
    type Target = faults::proxy::Proxy;

    fn deref(&self) -> &Self::Target {
        &self.proxy
    }
}

/// `host:port` of a URL.
#[must_use]
pub fn authority(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let authority = rest.split(['/', '?']).next().unwrap();
    authority.rsplit('@').next().unwrap()
}

/// How many `Query` (type `Q`) and `Sync` (type `S`) messages a client of Postgres sent. A message is a
/// type byte, a length that counts itself and the payload, and the payload. The first message of a
/// connection has no type, so it begins with the zero byte of its length.
fn postgres_requests(mut sent: &[u8]) -> usize {
    let mut count = 0;
    while let Some((&kind, rest)) = sent.split_first() {
        let message = if kind == 0 { sent } else { rest };
        let Some(length) = message.first_chunk() else { break };
        count += usize::from(matches!(kind, b'Q' | b'S'));
        sent = message.get(u32::from_be_bytes(*length) as usize..).unwrap_or_default();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_query_and_each_sync_is_a_round_trip() {
        let message = |kind: &[u8], payload: &[u8]| {
            let length = u32::try_from(payload.len() + 4).unwrap().to_be_bytes();
            [kind, &length, payload].concat()
        };
        let startup = message(b"", b"\0\x03\0\0user\0QS\0\0");
        let prepared = [message(b"P", b"SQSQ\0"), message(b"D", b"S"), message(b"S", b"")].concat();
        let query = message(b"Q", b"SELECT 1\0");
        assert_eq!(postgres_requests(&startup), 0);
        assert_eq!(postgres_requests(&[&startup[..], &prepared, &query].concat()), 2);
        assert_eq!(postgres_requests(&[&query[..], &prepared].concat()), 2);
    }
}
