//! A TCP proxy in front of Postgres that can hold traffic back, delay it, cut it or lose it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{SockFilter, SockRef, Socket};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::listen;
use crate::startup::{self, Startup};
use crate::strikes::Strikes;

/// What a proxy holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing.
    Nothing,
    /// Requests: the server never sees them.
    Requests,
    /// Requests, each for this long or until the proxy holds something else.
    RequestsFor(Duration),
    /// Answers: the server did what it was asked, and the client does not learn of it.
    Answers,
    /// Everything: open connections are closed, and new ones are reset. The server is down.
    Everything,
    /// Connections: open ones are closed, and new ones get Postgres's error `53300`. Others have taken
    /// them all.
    Connections,
}

impl Holds {
    /// Whether open connections are closed.
    fn cuts(self) -> bool {
        matches!(self, Self::Everything | Self::Connections)
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Request,
    /// From the server to the client.
    Answer,
}

/// Sees the bytes that pass through a proxy, with the number of their connection.
pub trait Witness: Send + Sync + 'static {
    /// Bytes are about to be forwarded.
    fn passes(&self, connection: usize, direction: Direction, bytes: &[u8]);
}

/// Records nothing.
impl Witness for () {
    fn passes(&self, _: usize, _: Direction, _: &[u8]) {}
}

/// A proxy between clients and a server, until it is dropped. Open connections are still served.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    target: String,
    /// What is held back, with the strikes since it last changed.
    holds: watch::Sender<(Holds, Strikes)>,
    /// The clients of the open connections.
    clients: Mutex<HashMap<usize, Socket>>,
    /// How many more answers to cut off.
    to_cut: AtomicUsize,
    witness: Box<dyn Witness>,
}

impl Proxy {
    /// Starts a proxy for the server at `target`, such as `127.0.0.1:5432`.
    ///
    /// # Errors
    /// If the listener has no address.
    pub fn on(listener: TcpListener, target: &str, witness: impl Witness) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            holds: watch::Sender::new((Holds::Nothing, Strikes::default())),
            clients: Mutex::default(),
            to_cut: AtomicUsize::new(0),
            witness: Box::new(witness),
        });
        let serving = Arc::clone(&shared);
        let next = AtomicUsize::new(0);
        let serve = move |client| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(Arc::clone(&serving).serve(client, number));
        };
        let accepting = tokio::spawn(listen::forever(listener, serve)).abort_handle();
        Ok(Self { address, shared, accepting })
    }

    /// Holds traffic back from now on, and counts its strikes from 0.
    pub fn hold(&self, holds: Holds) {
        self.shared.holds.send_replace((holds, Strikes::default()));
    }

    /// Holds nothing back any more. Connections whose traffic was withheld are closed.
    pub fn release(&self) {
        self.shared.holds.send_modify(|(holds, _)| *holds = Holds::Nothing);
    }

    /// How many times something was held back or cut off since the last [`hold`](Self::hold).
    #[must_use]
    pub fn strikes(&self) -> Strikes {
        self.shared.present().1
    }

    /// Closes the connection instead of forwarding the next answer.
    pub fn cut_next_answer(&self) {
        self.shared.to_cut.fetch_add(1, Ordering::SeqCst);
    }

    /// Makes the present connections silent, like a network that has forgotten them: the kernel drops
    /// what the client sends and acknowledges nothing. New connections work.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn go_silent(&self) -> io::Result<()> {
        // A filter of one instruction that accepts nothing: BPF_RET | BPF_K, 0 bytes.
        const DROP_ALL: [SockFilter; 1] = [SockFilter::new(0x06, 0, 0, 0)];
        self.shared.clients().values().try_for_each(|client| client.attach_filter(&DROP_ALL))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    /// What is held back now, and the strikes since.
    fn present(&self) -> (Holds, Strikes) {
        self.holds.borrow().clone()
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<usize, Socket>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection to its end. An error of a connection only ends that connection.
    async fn serve(self: Arc<Self>, mut client: TcpStream, number: usize) {
        let _ = match self.present() {
            (Holds::Everything, strikes) => {
                strikes.add(1);
                reset(client)
            }
            (Holds::Connections, strikes) => self.turn_away(&mut client, &strikes).await,
            _ => self.forward(client, number).await,
        };
    }

    /// Answers a new connection that the server has none left. Requests to cancel a statement are
    /// forwarded: Postgres takes them even then.
    async fn turn_away(&self, client: &mut TcpStream, strikes: &Strikes) -> io::Result<()> {
        match startup::read(client).await? {
            Startup::Session => {
                strikes.add(1);
                client.write_all(&startup::too_many_connections()).await
            }
            Startup::Cancel(request) => {
                TcpStream::connect(&self.target).await?.write_all(&request).await
            }
        }
    }

    async fn forward(&self, mut client: TcpStream, number: usize) -> io::Result<()> {
        let server = TcpStream::connect(&self.target).await?;
        // Without it, small messages wait for the acknowledgement of the last one.
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let handle = SockRef::from(&client).try_clone()?;
        self.clients().insert(number, handle);
        let copied = self.copy(&mut client, server, number).await;
        self.clients().remove(&number);
        copied
    }

    /// Copies both ways until either end closes, or traffic is withheld or cut off.
    async fn copy(
        &self,
        client: &mut TcpStream,
        mut server: TcpStream,
        number: usize,
    ) -> io::Result<()> {
        let mut holds = self.holds.subscribe();
        let (mut request, mut answer) = (vec![0; 65536], vec![0; 65536]);
        let mut answered = true;
        loop {
            let (buffer, length, direction) = tokio::select! {
                read = client.read(&mut request) => (&request, read?, Direction::Request),
                read = server.read(&mut answer) => (&answer, read?, Direction::Answer),
                strikes = until_cut(&mut holds) => {
                    strikes.add(1);
                    return Ok(());
                }
            };
            let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
                return Ok(());
            };
            let (held, strikes) = holds.borrow_and_update().clone();
            match (held, direction) {
                (Holds::Requests, Direction::Request) | (Holds::Answers, Direction::Answer) => {
                    strikes.add(1);
                    let _ = holds.changed().await;
                    return Ok(());
                }
                // Only its first bytes: a long request is late once.
                (Holds::RequestsFor(time), Direction::Request) if answered => {
                    strikes.add(1);
                    let _ = tokio::time::timeout(time, holds.changed()).await;
                }
                (_, Direction::Answer) if self.cuts() => {
                    strikes.add(1);
                    return Ok(());
                }
                _ => {}
            }
            answered = direction == Direction::Answer;
            self.witness.passes(number, direction, bytes);
            let to = if answered { &mut *client } else { &mut server };
            to.write_all(bytes).await?;
        }
    }

    fn cuts(&self) -> bool {
        let update = |left: usize| left.checked_sub(1);
        self.to_cut.fetch_update(Ordering::SeqCst, Ordering::SeqCst, update).is_ok()
    }
}

/// Waits until open connections are to be closed. Returns the strikes of that.
async fn until_cut(holds: &mut watch::Receiver<(Holds, Strikes)>) -> Strikes {
    let present = holds.wait_for(|(holds, _)| holds.cuts()).await;
    // The sender lives as long as the connection.
    present.map(|present| present.1.clone()).unwrap_or_default()
}

/// Closes a connection with a reset, as a host without that server does.
fn reset(client: TcpStream) -> io::Result<()> {
    SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    drop(client);
    Ok(())
}
