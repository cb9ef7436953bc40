//! A warehouse that answers as a test tells it to, and records what it was asked.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::Barrier;

use crate::http::{self, Request, Response, Server, response};

/// The secret that requests must be signed with.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// How it answers one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With a status and nothing else.
    Status(u16),
    /// With a status, a content type and a body.
    Body(u16, &'static str, &'static str),
    /// With 307 and this location.
    Redirect(String),
    /// Never; the connection stays open.
    Silence,
    /// With a status, once everybody has arrived at the barrier.
    Together(u16, Arc<Barrier>),
}

/// A request for an order.
#[derive(Clone, Debug)]
pub struct Asked(Request);

impl Asked {
    /// The method, and the path with its query.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.0.method(), self.0.uri())
    }

    /// The value of a header; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        http::header(&self.0, name)
    }

    /// The id of the order.
    #[must_use]
    pub fn key(&self) -> &str {
        self.header("idempotency-key")
    }

    /// The fulfillment job.
    #[must_use]
    pub fn body(&self) -> &str {
        str::from_utf8(self.0.body()).unwrap()
    }

    /// How many pieces of its first product the order has.
    #[must_use]
    pub fn pieces(&self) -> i64 {
        let job: serde_json::Value = serde_json::from_str(self.body()).unwrap();
        job["items"][0]["quantity"].as_i64().unwrap()
    }
}

/// A warehouse, until it is dropped.
pub struct Warehouse {
    /// Where orders are posted to.
    pub url: String,
    requests: Arc<Mutex<Vec<Asked>>>,
    _server: Server,
}

impl Warehouse {
    /// Starts a warehouse. `answers` is given a request, and the number of earlier ones with its key.
    pub async fn that(answers: impl Fn(&Asked, usize) -> Answer + Clone + Send + 'static) -> Self {
        let requests = Arc::<Mutex<Vec<Asked>>>::default();
        let recorded = Arc::clone(&requests);
        let server = Server::start(move |request| {
            // A panic here leaves the request without an answer.
            assert_signed(&request);
            let request = Asked(request);
            let mut requests = recorded.lock().unwrap();
            let before = requests.iter().filter(|it| it.key() == request.key()).count();
            let answer = answers(&request, before);
            requests.push(request);
            respond(answer)
        });
        let server = server.await.unwrap();
        Self { url: format!("{}/orders?site=1", server.url()), requests, _server: server }
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Asked> {
        self.requests.lock().unwrap().clone()
    }
}

async fn respond(answer: Answer) -> Option<Response> {
    Some(match answer {
        Answer::Status(status) => response(status, &[], ""),
        Answer::Body(status, content_type, body) => {
            response(status, &[("content-type", content_type)], body)
        }
        Answer::Redirect(location) => response(307, &[("location", &location)], ""),
        Answer::Silence => std::future::pending().await,
        Answer::Together(status, all) => {
            all.wait().await;
            response(status, &[], "")
        }
    })
}

/// Verifies the signature as a warehouse must.
fn assert_signed(request: &Request) {
    let signature = http::header(request, "x-waybill-signature");
    let (time, digest) = signature.split_once(',').unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let age = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() - time.parse::<u64>().unwrap();
    assert!(age < 60, "the signature is {age} s old: {signature}");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.").as_bytes());
    mac.update(request.body());
    let digest = hex::decode(digest.strip_prefix("v1=").unwrap()).unwrap();
    mac.verify_slice(&digest).expect("the signature is not valid");
}
