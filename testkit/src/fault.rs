//! An AWS endpoint that fails as it is told to: an HTTP proxy in front of one that does not.

use std::fmt::Write as _;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::PATIENCE;
use crate::http::{Request, answer, read};

/// What is wrong with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it answers.
    None,
    /// It hangs up on whoever asks.
    Down,
    /// It answers with status 500, and does nothing.
    Failing,
    /// It does not hear what it is asked, and hangs up when this is over.
    Deaf,
    /// It does what it is asked, and answers so much later, or when this is over.
    Slow(Duration),
}

/// Stands between clients and an AWS endpoint until it is dropped.
pub struct Endpoint {
    /// Where it listens, as a URL.
    pub url: String,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

struct Shared {
    target: String,
    http: reqwest::Client,
    fault: watch::Sender<Fault>,
    struck: watch::Sender<usize>,
}

impl Endpoint {
    /// Listens on any free port, for the endpoint with the URL `target`.
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            // A connection that the server has closed meanwhile would be a fault of the proxy.
            http: reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            fault: watch::Sender::new(Fault::None),
            struck: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { url: format!("http://{address}"), shared, accepting }
    }

    /// From now on this is wrong with it, and what it strikes is counted from 0.
    pub fn fail(&self, fault: Fault) {
        self.shared.struck.send_replace(0);
        self.shared.fault.send_replace(fault);
    }

    /// Nothing is wrong any more. What was struck stays counted.
    pub fn mend(&self) {
        self.shared.fault.send_replace(Fault::None);
    }

    /// Waits until the fault has struck so many times.
    pub async fn struck(&self, times: usize) {
        let mut struck = self.shared.struck.subscribe();
        let enough = struck.wait_for(|&struck| struck >= times);
        tokio::time::timeout(PATIENCE, enough).await.unwrap().unwrap();
    }

    /// How many requests the last fault struck.
    #[must_use]
    pub fn strikes(&self) -> usize {
        *self.shared.struck.borrow()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn strike(&self) {
        self.struck.send_modify(|struck| *struck += 1);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(serve(client, Arc::clone(&shared)));
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) -> Result<()> {
    let mut client = BufReader::new(client);
    let mut faults = shared.fault.subscribe();
    while let Some(request) = read(&mut client).await? {
        let fault = *faults.borrow_and_update();
        match fault {
            Fault::None | Fault::Slow(_) => {}
            Fault::Down => {
                shared.strike();
                break;
            }
            Fault::Failing => {
                shared.strike();
                let body = br#"{"__type":"InternalFailure"}"#;
                answer(&mut client, "500 Internal Server Error", "", body).await?;
                continue;
            }
            Fault::Deaf => {
                shared.strike();
                let _ = faults.changed().await;
                break;
            }
        }
        let (status, headers, body) = shared.ask(request).await.map_err(Error::other)?;
        if let Fault::Slow(time) = fault {
            shared.strike();
            let _ = tokio::time::timeout(time, faults.changed()).await;
        }
        answer(&mut client, &status, &headers, &body).await?;
    }
    Ok(())
}

impl Shared {
    async fn ask(&self, request: Request) -> reqwest::Result<(String, String, Vec<u8>)> {
        let (method, path) = request.line.split_once(' ').unwrap();
        let url = format!("{}{path}", self.target);
        let mut call = self.http.request(method.parse().unwrap(), url).body(request.body);
        for (name, value) in request.headers.iter().filter(|(name, _)| is_end_to_end(name)) {
            call = call.header(name, value);
        }
        let response = call.send().await?;
        let status = response.status().to_string();
        let mut headers = String::new();
        for (name, value) in
            response.headers().iter().filter(|(name, _)| is_end_to_end(name.as_str()))
        {
            write!(headers, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        Ok((status, headers, response.bytes().await?.into()))
    }
}

/// Whether a header is for the other end, and not for the connection that it came by.
fn is_end_to_end(name: &str) -> bool {
    let own = ["connection", "content-length", "host", "keep-alive", "transfer-encoding"];
    !own.iter().any(|own| name.eq_ignore_ascii_case(own))
}
