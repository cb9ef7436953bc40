//! An HTTP proxy in front of an AWS endpoint that fails on demand.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use reqwest::redirect::Policy;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::http::{Request, Response, Server};
use crate::strikes::Strikes;

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
#[derive(Debug)]
pub struct Endpoint {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
    _server: Server,
}

#[derive(Debug)]
struct Shared {
    target: String,
    http: reqwest::Client,
    /// The present fault, with the strikes of the last one.
    fault: watch::Sender<(Fault, Strikes)>,
}

impl Endpoint {
    /// Starts a proxy for the endpoint with the URL `target`.
    ///
    /// # Errors
    /// If the listener has no address, or no HTTP client can be made.
    pub fn on(listener: TcpListener, target: &str) -> io::Result<Self> {
        let http = reqwest::Client::builder()
            // A pooled connection that the server has closed would look like a fault.
            .pool_max_idle_per_host(0)
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .map_err(io::Error::other)?;
        let fault = watch::Sender::new((Fault::None, Strikes::default()));
        let shared = Arc::new(Shared { target: target.to_owned(), http, fault });
        let serving = Arc::clone(&shared);
        let server = Server::on(listener, move |request| Arc::clone(&serving).answer(request))?;
        Ok(Self { url: server.url(), shared, _server: server })
    }

    /// Starts a fault, and counts its strikes from 0.
    pub fn fail(&self, fault: Fault) {
        self.shared.fault.send_replace((fault, Strikes::default()));
    }

    /// Ends the fault.
    pub fn clear(&self) {
        self.shared.fault.send_modify(|(fault, _)| *fault = Fault::None);
    }

    /// How many requests the last fault struck.
    #[must_use]
    pub fn strikes(&self) -> Strikes {
        self.shared.fault.borrow().1.clone()
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, request: Request) -> Option<Response> {
        let mut faults = self.fault.subscribe();
        let (fault, strikes) = faults.borrow_and_update().clone();
        match fault {
            Fault::None => self.forward(request).await.ok(),
            Fault::Down => {
                strikes.add(1);
                None
            }
            Fault::Failing => {
                strikes.add(1);
                let mut response = Response::new(r#"{"__type":"InternalFailure"}"#.into());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                Some(response)
            }
            Fault::Deaf => {
                strikes.add(1);
                let _ = faults.changed().await;
                None
            }
            Fault::Slow(time) => {
                let response = self.forward(request).await.ok()?;
                strikes.add(1);
                let _ = tokio::time::timeout(time, faults.changed()).await;
                Some(response)
            }
        }
    }

    async fn forward(&self, request: Request) -> reqwest::Result<Response> {
        let (head, body) = request.into_parts();
        let url = format!("{}{}", self.target, head.uri);
        let mut headers = end_to_end(head.headers);
        // Otherwise MiniStack keeps each connection for 75 s after it was closed.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let request = self.http.request(head.method, url);
        let answer = request.headers(headers).body(body).send().await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_target_may_close_a_connection_after_its_answer() {
        let target = Server::start(async |request: Request| {
            let connection = request.headers().get(CONNECTION).cloned();
            let connection = connection.unwrap_or_else(|| HeaderValue::from_static("kept"));
            Some(Response::new(connection.as_bytes().to_vec().into()))
        });
        let target = target.await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::on(listener, &target.url()).unwrap();
        let answer = reqwest::get(&endpoint.url).await.unwrap();
        assert_eq!(answer.headers().get(CONNECTION), None);
        assert_eq!(answer.text().await.unwrap(), "close");
    }
}
