//! A TCP proxy that stops the traffic at a chosen moment, so that a process can be killed right there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::PATIENCE;

/// What a gate holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing.
    Nothing,
    /// What a client asks: the server never hears of it.
    Requests,
    /// What a server answers: it did what it was asked, and the client never hears of it.
    Answers,
    /// Everything, and every new connection is refused: the server is down.
    Everything,
}

/// Stands between clients and a server until it is dropped.
pub struct Gate {
    /// Where it listens.
    pub address: SocketAddr,
    holds: watch::Sender<Holds>,
    held: Arc<Held>,
    /// How many times something had been held back when this began.
    before: AtomicUsize,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Held {
    count: AtomicUsize,
    any: Notify,
}

impl Gate {
    /// Listens on any free port, for the server at `target` (`host:port`).
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let holds = watch::Sender::new(Holds::Nothing);
        let held = Arc::new(Held::default());
        let accepting =
            tokio::spawn(accept(listener, target.to_owned(), holds.clone(), Arc::clone(&held)));
        Self { address, holds, held, before: AtomicUsize::default(), accepting }
    }

    /// Holds this back from now on.
    pub fn hold(&self, holds: Holds) {
        self.before.store(self.count(), Ordering::SeqCst);
        self.holds.send_replace(holds);
    }

    /// Waits until something was held back since the last [`hold`](Self::hold).
    pub async fn struck(&self) {
        let struck = async {
            while self.count() == self.before.load(Ordering::SeqCst) {
                self.held.any.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, struck).await.unwrap();
    }

    /// How many times something was held back.
    #[must_use]
    pub fn count(&self) -> usize {
        self.held.count.load(Ordering::SeqCst)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Held {
    fn strike(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.any.notify_one();
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    holds: watch::Sender<Holds>,
    held: Arc<Held>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *holds.borrow() == Holds::Everything {
            held.strike();
            continue;
        }
        let Ok(server) = TcpStream::connect(&target).await else { continue };
        tokio::spawn(forward(client, server, holds.subscribe(), Arc::clone(&held)));
    }
}

async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    mut holds: watch::Receiver<Holds>,
    held: Arc<Held>,
) {
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        let (bytes, to, held_back_by) = tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                (&asked[..length], &mut server, Holds::Requests)
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                (&answered[..length], &mut client, Holds::Answers)
            }
            _ = holds.wait_for(|holds| *holds == Holds::Everything) => {
                held.strike();
                return;
            }
        };
        if *holds.borrow() == held_back_by {
            held.strike();
            // As long as this is held back, and then the connection is of no more use.
            let _ = holds.wait_for(|holds| *holds != held_back_by).await;
            return;
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
