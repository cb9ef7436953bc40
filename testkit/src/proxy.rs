//! A TCP proxy that records what passes through it, and can hold traffic back, cut it or lose it.

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

/// What passed, by the number of the connection.
#[derive(Default)]
struct Recorded(Mutex<BTreeMap<usize, Connection>>);

#[derive(Default)]
struct Connection {
    sent: Vec<u8>,
    received: Vec<u8>,
}

/// Lets the proxy and its owner share one record.
struct Recorder(Arc<Recorded>);

impl Witness for Recorder {
    fn passes(&self, connection: usize, direction: Direction, bytes: &[u8]) {
        let mut connections = self.0.0.lock().unwrap();
        let connection = connections.entry(connection).or_default();
        match direction {
            Direction::Request => connection.sent.extend_from_slice(bytes),
            Direction::Answer => connection.received.extend_from_slice(bytes),
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
        for connection in self.recorded.0.lock().unwrap().values_mut() {
            connection.sent.clear();
            connection.received.clear();
        }
    }

    /// What clients sent, one entry a connection.
    #[must_use]
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.recorded.0.lock().unwrap().values().map(|it| it.sent.clone()).collect()
    }

    /// How many HTTP requests were posted.
    #[must_use]
    pub fn http_posts(&self) -> usize {
        let posts = |sent: &Vec<u8>| sent.windows(6).filter(|bytes| bytes == b"POST /").count();
        self.sent().iter().map(posts).sum()
    }

    /// How many round trips to a Postgres server there were: one for each `ReadyForQuery`.
    #[must_use]
    pub fn postgres_round_trips(&self) -> usize {
        let connections = self.recorded.0.lock().unwrap();
        connections.values().map(|connection| ready_for_query(&connection.received)).sum()
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

/// How many `ReadyForQuery` messages (type `Z`) a Postgres server sent. A message is a type byte, a
/// length that counts itself and the payload, and the payload.
fn ready_for_query(mut received: &[u8]) -> usize {
    let mut count = 0;
    while let [kind, a, b, c, d, rest @ ..] = received {
        count += usize::from(*kind == b'Z');
        let payload = u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4;
        received = rest.get(payload..).unwrap_or_default();
    }
    count
}
