//! A Postgres that asks for a password in plain text, remembers it, and answers every statement with the
//! number of its connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The codes of requests for TLS and for canceling a statement, in place of a protocol version
/// (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
const SSL_REQUEST: i32 = 80_877_103;
const CANCEL_REQUEST: i32 = 80_877_102;

/// The type id of `integer`.
const INT4: i32 = 23;

/// A server that listens until it is dropped.
pub struct FakePostgres {
    port: u16,
    state: Arc<watch::Sender<State>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Default)]
struct State {
    passwords: Vec<String>,
    /// The connections that said good-bye.
    left: Vec<i32>,
    asked_for_tls: usize,
    /// The error of the next connections, and how many get it.
    refusals: (&'static str, usize),
    /// Whether statements wait, and how many do.
    holds: bool,
    held: usize,
    /// Connections up to this number are ended.
    ended: i32,
}

impl FakePostgres {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(State::default()));
        let of_task = Arc::clone(&state);
        let numbers = Arc::new(AtomicI32::new(0));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, numbers) = (Arc::clone(&of_task), Arc::clone(&numbers));
                // A client that goes away is no concern of the fake.
                tokio::spawn(async move { drop(serve(stream, &state, &numbers).await) });
            }
        });
        Self { port, state, task }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of each connection, in their order.
    #[must_use]
    pub fn passwords(&self) -> Vec<String> {
        self.state.borrow().passwords.clone()
    }

    /// How often a client asked for TLS, which this server declines.
    #[must_use]
    pub fn asked_for_tls(&self) -> usize {
        self.state.borrow().asked_for_tls
    }

    /// Answers the passwords of the next `count` connections with an error.
    pub fn refuse(&self, sqlstate: &'static str, count: usize) {
        self.state.send_modify(|state| state.refusals = (sqlstate, count));
    }

    /// Lets statements wait until [`release`](Self::release).
    pub fn hold(&self) {
        self.state.send_modify(|state| state.holds = true);
    }

    /// Answers the statements that wait.
    pub fn release(&self) {
        self.state.send_modify(|state| state.holds = false);
    }

    /// Ends all connections, as a server does that they are too old for.
    pub fn end_connections(&self) {
        self.state.send_modify(|state| {
            state.ended = i32::try_from(state.passwords.len()).unwrap();
        });
    }

    /// Waits until a statement waits.
    pub async fn holds_a_statement(&self) {
        self.reaches(|state| state.held > 0).await;
    }

    /// Waits until a connection was closed by its client, in order.
    pub async fn hears_good_bye_of(&self, connection: i32) {
        self.reaches(|state| state.left.contains(&connection)).await;
    }

    async fn reaches(&self, condition: impl FnMut(&State) -> bool) {
        let mut changes = self.state.subscribe();
        let reached = tokio::time::timeout(crate::PATIENCE, changes.wait_for(condition)).await;
        reached.expect("the fake Postgres waited in vain").unwrap();
    }
}

impl Drop for FakePostgres {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    state: &watch::Sender<State>,
    numbers: &AtomicI32,
) -> io::Result<()> {
    loop {
        let body = body(&mut stream).await?;
        match i32::from_be_bytes(body[..4].try_into().unwrap()) {
            SSL_REQUEST => {
                state.send_modify(|state| state.asked_for_tls += 1);
                stream.write_all(b"N").await?;
            }
            CANCEL_REQUEST => return Ok(()),
            _ => break,
        }
    }
    send(&mut stream, &[(b'R', &3_i32.to_be_bytes())]).await?;
    let (_, password) = message(&mut stream).await?;
    let number = numbers.fetch_add(1, Ordering::Relaxed) + 1;
    let mut refusal = None;
    state.send_modify(|state| {
        let end = password.len().saturating_sub(1);
        state.passwords.push(String::from_utf8_lossy(&password[..end]).into_owned());
        let (sqlstate, count) = &mut state.refusals;
        refusal = (*count > 0).then_some(*sqlstate);
        *count = count.saturating_sub(1);
    });
    if let Some(sqlstate) = refusal {
        let error = format!("SFATAL\0VFATAL\0C{sqlstate}\0Mno\0\0");
        return send(&mut stream, &[(b'E', error.as_bytes())]).await;
    }
    let ready = (b'Z', &b"I"[..]);
    send(&mut stream, &[(b'R', &0_i32.to_be_bytes()), (b'K', &[0; 8]), ready]).await?;

    let mut changes = state.subscribe();
    loop {
        let (kind, _) = tokio::select! {
            message = message(&mut stream) => message?,
            _ = changes.wait_for(|state| state.ended >= number) => return Ok(()),
        };
        match kind {
            b'P' => send(&mut stream, &[(b'1', b"")]).await?,
            b'D' => {
                send(&mut stream, &[(b't', &0_i16.to_be_bytes()), (b'T', &columns())]).await?;
            }
            b'B' => send(&mut stream, &[(b'2', b"")]).await?,
            b'C' => send(&mut stream, &[(b'3', b"")]).await?,
            b'E' => {
                state.send_modify(|state| state.held += usize::from(state.holds));
                let _ = changes.wait_for(|state| !state.holds).await;
                send(&mut stream, &[(b'D', &row(number)), (b'C', b"SELECT 1\0")]).await?;
            }
            b'S' => send(&mut stream, &[ready]).await?,
            b'X' => {
                state.send_modify(|state| state.left.push(number));
                return Ok(());
            }
            _ => {}
        }
    }
}

/// The description of one column of integers.
fn columns() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(1_i16.to_be_bytes());
    bytes.extend(b"number\0");
    bytes.extend(0_i32.to_be_bytes()); // the table
    bytes.extend(0_i16.to_be_bytes()); // the column's position in it
    bytes.extend(INT4.to_be_bytes());
    bytes.extend(4_i16.to_be_bytes()); // the type's size
    bytes.extend((-1_i32).to_be_bytes()); // its modifier
    bytes.extend(1_i16.to_be_bytes()); // binary
    bytes
}

/// A row with one integer.
fn row(number: i32) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(1_i16.to_be_bytes());
    bytes.extend(4_i32.to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes
}

async fn message(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    Ok((kind, body(stream).await?))
}

/// What follows a length, which counts itself.
async fn body(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = usize::try_from(stream.read_i32().await?).unwrap().checked_sub(4).unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

async fn send(stream: &mut TcpStream, messages: &[(u8, &[u8])]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for (kind, body) in messages {
        bytes.push(*kind);
        bytes.extend(i32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(*body);
    }
    stream.write_all(&bytes).await
}
