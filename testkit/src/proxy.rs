//! A TCP proxy that records what passes through it, and can hold traffic back, cut it or lose it.

use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use socket2::{SockFilter, SockRef, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::PATIENCE;

/// What a proxy holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing.
    Nothing,
    /// Requests: the server never sees them.
    Requests,
    /// Answers: the server did what it was asked, and the client does not learn of it.
    Answers,
    /// Everything, and new connections are closed at once: the server is down.
    Everything,
}

/// A proxy between clients and a server, until it is dropped.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    target: String,
    connections: Mutex<Vec<Connection>>,
    holds: watch::Sender<Holds>,
    strikes: watch::Sender<usize>,
    /// How many more answers to cut off.
    to_cut: AtomicUsize,
}

struct Connection {
    client: Socket,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Proxy {
    /// Listens on a free port, for the server at `target`, such as `127.0.0.1:5432`.
    pub async fn to(target: &str) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), target)
    }

    /// Listens on a port that was chosen before.
    #[must_use]
    pub fn on(listener: TcpListener, target: &str) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            connections: Mutex::default(),
            holds: watch::Sender::new(Holds::Nothing),
            strikes: watch::Sender::new(0),
            to_cut: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self { address, shared, accepting }
    }

    /// `url` with the proxy's address instead of the server's.
    #[must_use]
    pub fn instead_of(&self, url: &str) -> String {
        url.replacen(authority(url), &self.address.to_string(), 1)
    }

    /// Holds traffic back from now on, and counts its strikes from 0.
    pub fn hold(&self, holds: Holds) {
        self.shared.strikes.send_replace(0);
        self.shared.holds.send_replace(holds);
    }

    /// Holds nothing back any more. Connections that were held are closed.
    pub fn release(&self) {
        self.shared.holds.send_replace(Holds::Nothing);
    }

    /// Closes the connection instead of forwarding the next answer.
    pub fn cut_next_answer(&self) {
        self.shared.to_cut.fetch_add(1, Ordering::SeqCst);
    }

    /// Makes the present connections silent, like a network that has forgotten them: the kernel drops
    /// what the client sends and acknowledges nothing. New connections work.
    pub fn go_silent(&self) {
        // A filter of one instruction that accepts nothing: BPF_RET | BPF_K, 0 bytes.
        const DROP_ALL: [SockFilter; 1] = [SockFilter::new(0x06, 0, 0, 0)];
        for connection in self.shared.connections.lock().unwrap().iter() {
            connection.client.attach_filter(&DROP_ALL).unwrap();
        }
    }

    /// Waits until something was held back or cut off.
    pub async fn struck(&self) {
        let mut strikes = self.shared.strikes.subscribe();
        let any = strikes.wait_for(|&strikes| strikes > 0);
        tokio::time::timeout(PATIENCE, any).await.unwrap().unwrap();
    }

    /// How many times something was held back or cut off since the last [`hold`](Self::hold).
    #[must_use]
    pub fn strikes(&self) -> usize {
        *self.shared.strikes.borrow()
    }

    /// Forgets the recorded bytes.
    pub fn forget(&self) {
        for connection in self.shared.connections.lock().unwrap().iter_mut() {
            connection.sent.clear();
            connection.received.clear();
        }
    }

    /// What clients sent, one entry a connection.
    #[must_use]
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.shared.connections.lock().unwrap().iter().map(|it| it.sent.clone()).collect()
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
        let connections = self.shared.connections.lock().unwrap();
        connections.iter().map(|connection| ready_for_query(&connection.received)).sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// `host:port` of a URL.
#[must_use]
pub fn authority(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let authority = rest.split(['/', '?']).next().unwrap();
    authority.rsplit('@').next().unwrap()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        if *shared.holds.borrow() == Holds::Everything {
            shared.strike();
            continue;
        }
        let Ok(server) = TcpStream::connect(&shared.target).await else { continue };
        tokio::spawn(forward(client, server, Arc::clone(&shared)));
    }
}

async fn forward(mut client: TcpStream, server: TcpStream, shared: Arc<Shared>) {
    let number = shared.record(&client);
    shared.copy(&mut client, server, number).await;
    // Dropping the client is not enough: there is a second handle.
    let _ = SockRef::from(&client).shutdown(Shutdown::Both);
}

impl Shared {
    /// Adds a connection, and returns its number.
    fn record(&self, client: &TcpStream) -> usize {
        let client = SockRef::from(client).try_clone().unwrap();
        let mut connections = self.connections.lock().unwrap();
        connections.push(Connection { client, sent: Vec::new(), received: Vec::new() });
        connections.len() - 1
    }

    /// Copies both ways until either end closes, or traffic is held back or cut off.
    async fn copy(&self, client: &mut TcpStream, mut server: TcpStream, number: usize) {
        let mut holds = self.holds.subscribe();
        let (mut request, mut answer) = (vec![0; 65536], vec![0; 65536]);
        loop {
            let (bytes, held_back_by) = tokio::select! {
                read = client.read(&mut request) => {
                    let Ok(length @ 1..) = read else { return };
                    (&request[..length], Holds::Requests)
                }
                read = server.read(&mut answer) => {
                    let Ok(length @ 1..) = read else { return };
                    (&answer[..length], Holds::Answers)
                }
                _ = holds.wait_for(|holds| *holds == Holds::Everything) => {
                    return self.strike();
                }
            };
            if *holds.borrow() == held_back_by {
                self.strike();
                let _ = holds.wait_for(|holds| *holds != held_back_by).await;
                return;
            }
            let is_answer = held_back_by == Holds::Answers;
            if is_answer && self.cuts() {
                return self.strike();
            }
            {
                let connection = &mut self.connections.lock().unwrap()[number];
                let recording =
                    if is_answer { &mut connection.received } else { &mut connection.sent };
                recording.extend_from_slice(bytes);
            }
            let to = if is_answer { &mut *client } else { &mut server };
            if to.write_all(bytes).await.is_err() {
                return;
            }
        }
    }

    fn cuts(&self) -> bool {
        let update = |left: usize| left.checked_sub(1);
        self.to_cut.fetch_update(Ordering::SeqCst, Ordering::SeqCst, update).is_ok()
    }

    fn strike(&self) {
        self.strikes.send_modify(|strikes| *strikes += 1);
    }
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
