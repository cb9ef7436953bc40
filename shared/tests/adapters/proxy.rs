//! A TCP proxy that counts what passes, and can be told to fail.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use socket2::{SockFilter, SockRef, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Stands between a client and a server on loopback until it is dropped.
pub(crate) struct Proxy {
    /// Its address.
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    connections: Mutex<Vec<Recording>>,
    clients: Mutex<Vec<Socket>>,
    /// How many answers to drop, each with its connection.
    to_swallow: AtomicUsize,
    swallowed: AtomicUsize,
}

/// The traffic of a connection since the last [`Proxy::forget`].
#[derive(Clone, Default)]
struct Recording {
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Proxy {
    /// Listens on a free port, for the server at `target`, such as `127.0.0.1:5432`.
    pub(crate) async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let accepting = tokio::spawn(accept(listener, target.to_owned(), Arc::clone(&state)));
        Self { address, state, accepting }
    }

    /// The `url` of a server, with the address of the proxy.
    pub(crate) fn instead_of(&self, url: &str) -> String {
        url.replacen(&authority(url), &self.address.to_string(), 1)
    }

    /// Resets the counts.
    pub(crate) fn forget(&self) {
        for recording in self.state.connections.lock().unwrap().iter_mut() {
            *recording = Recording::default();
        }
    }

    /// Cuts the connection instead of passing on the next answer: the server has done the work, but
    /// the client does not know.
    pub(crate) fn swallow_next_answer(&self) {
        self.state.to_swallow.fetch_add(1, Ordering::SeqCst);
    }

    /// Silences all open connections, as a network that drops packets: the kernel discards what the
    /// client sends, without acknowledging it. New connections work.
    pub(crate) fn go_silent(&self) {
        // A filter of one instruction that accepts nothing: BPF_RET | BPF_K, 0 bytes.
        const DROP_ALL: [SockFilter; 1] = [SockFilter::new(0x06, 0, 0, 0)];
        for client in self.state.clients.lock().unwrap().iter() {
            client.attach_filter(&DROP_ALL).unwrap();
        }
    }

    /// How many answers were dropped.
    pub(crate) fn swallowed(&self) -> usize {
        self.state.swallowed.load(Ordering::SeqCst)
    }

    /// How often Postgres was ready for the next query: once for each round trip.
    pub(crate) fn postgres_round_trips(&self) -> usize {
        let connections = self.state.connections.lock().unwrap();
        connections.iter().map(|recording| ready_for_query(&recording.received)).sum()
    }

    /// How many HTTP requests were posted.
    pub(crate) fn http_posts(&self) -> usize {
        let connections = self.state.connections.lock().unwrap();
        let posts = |sent: &[u8]| sent.windows(6).filter(|bytes| bytes == b"POST /").count();
        connections.iter().map(|recording| posts(&recording.sent)).sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The host and port of a URL.
pub(crate) fn authority(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap();
    let authority = rest.split(['/', '?']).next().unwrap();
    authority.rsplit('@').next().unwrap().to_owned()
}

async fn accept(listener: TcpListener, target: String, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(&target).await else { continue };
        // A second handle of the same socket.
        state.clients.lock().unwrap().push(SockRef::from(&client).try_clone().unwrap());
        let index = {
            let mut connections = state.connections.lock().unwrap();
            connections.push(Recording::default());
            connections.len() - 1
        };
        tokio::spawn(forward(client, server, index, Arc::clone(&state)));
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, index: usize, state: Arc<State>) {
    let (mut from_client, mut from_server) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { break };
                let bytes = &from_client[..length];
                state.connections.lock().unwrap()[index].sent.extend_from_slice(bytes);
                if server.write_all(bytes).await.is_err() { break }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { break };
                if state.swallow() { break }
                let bytes = &from_server[..length];
                state.connections.lock().unwrap()[index].received.extend_from_slice(bytes);
                if client.write_all(bytes).await.is_err() { break }
            }
        }
    }
    // Dropping it is not enough, since there is a second handle.
    let _ = SockRef::from(&client).shutdown(std::net::Shutdown::Both);
}

impl State {
    fn swallow(&self) -> bool {
        let swallow = self
            .to_swallow
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if swallow {
            self.swallowed.fetch_add(1, Ordering::SeqCst);
        }
        swallow
    }
}

/// Counts messages of type `Z` from Postgres. A message is a type byte, a length that includes
/// itself, and the payload.
fn ready_for_query(mut received: &[u8]) -> usize {
    let mut count = 0;
    while let [kind, a, b, c, d, rest @ ..] = received {
        count += usize::from(*kind == b'Z');
        let payload = u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4;
        received = rest.get(payload..).unwrap_or_default();
    }
    count
}
