//! An HTTP proxy in front of an AWS endpoint that fails on demand.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING};
use tokio::sync::watch;

use crate::PATIENCE;
use crate::http::{Request, Response, Server, response};

/// What is wrong with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It works.
    None,
    /// It closes the connection on each request.
    Down,
    /// It answers 500 and does nothing.
    Failing,
    /// It ignores requests, and closes their connections when the fault is cleared.
    Deaf,
    /// It does what it is asked, and holds the answer for this long or until the fault is cleared.
    Slow(Duration),
}

/// A proxy between clients and an AWS endpoint, until it is dropped.
pub struct Endpoint {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
    _server: Server,
}

struct Shared {
    target: String,
    http: reqwest::Client,
    fault: watch::Sender<Fault>,
    strikes: watch::Sender<usize>,
}

impl Endpoint {
    /// Listens on a free port, for the endpoint with the URL `target`.
    pub async fn to(target: &str) -> Self {
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            // A pooled connection that the server has closed would look like a fault.
            http: reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            fault: watch::Sender::new(Fault::None),
            strikes: watch::Sender::new(0),
        });
        let serving = Arc::clone(&shared);
        let server = Server::start(move |request| Arc::clone(&serving).answer(request)).await;
        Self { url: server.url(), shared, _server: server }
    }

    /// Starts a fault, and counts its strikes from 0.
    pub fn fail(&self, fault: Fault) {
        self.shared.strikes.send_replace(0);
        self.shared.fault.send_replace(fault);
    }

    /// Ends the fault. The count of its strikes stays.
    pub fn clear(&self) {
        self.shared.fault.send_replace(Fault::None);
    }

    /// Waits until the fault has struck this many requests.
    pub async fn struck(&self, times: usize) {
        let mut strikes = self.shared.strikes.subscribe();
        let enough = strikes.wait_for(|&strikes| strikes >= times);
        tokio::time::timeout(PATIENCE, enough).await.unwrap().unwrap();
    }

    /// How many requests the last fault struck.
    #[must_use]
    pub fn strikes(&self) -> usize {
        *self.shared.strikes.borrow()
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, request: Request) -> Option<Response> {
        let mut faults = self.fault.subscribe();
        let fault = *faults.borrow_and_update();
        match fault {
            Fault::None => self.forward(request).await.ok(),
            Fault::Down => {
                self.strike();
                None
            }
            Fault::Failing => {
                self.strike();
                Some(response(500, &[], r#"{"__type":"InternalFailure"}"#))
            }
            Fault::Deaf => {
                self.strike();
                let _ = faults.changed().await;
                None
            }
            Fault::Slow(time) => {
                let response = self.forward(request).await.ok()?;
                self.strike();
                let _ = tokio::time::timeout(time, faults.changed()).await;
                Some(response)
            }
        }
    }

    fn strike(&self) {
        self.strikes.send_modify(|strikes| *strikes += 1);
    }

    async fn forward(&self, request: Request) -> reqwest::Result<Response> {
        let (head, body) = request.into_parts();
        let url = format!("{}{}", self.target, head.uri);
        let request = self.http.request(head.method, url);
        let answer = request.headers(end_to_end(head.headers)).body(body).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = Response::new(answer.bytes().await?);
        *response.status_mut() = status;
        *response.headers_mut() = end_to_end(headers);
        Ok(response)
    }
}

/// The headers without those of the connection that they came over.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let keep_alive = HeaderName::from_static("keep-alive");
    for name in [CONNECTION, CONTENT_LENGTH, HOST, keep_alive, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}
