//! A fake warehouse that answers as a test says, and records its requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

/// The secret that it verifies requests with.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// An answer to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status without a body.
    Status(u16),
    /// A status with a header and a body.
    Full(u16, &'static str, &'static str),
    /// No answer: the connection stays open.
    Silence,
    /// A status, once this many requests have arrived.
    Together(u16, Arc<Barrier>),
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// The headers, by lower-case name.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    /// The id of the order.
    pub(crate) fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }

    /// The quantity of its first item.
    pub(crate) fn pieces(&self) -> i64 {
        let job: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        job["items"][0]["quantity"].as_i64().unwrap()
    }
}

/// The answer to a request, given the number of earlier ones with the same key.
type Answers = Box<dyn Fn(&Request, usize) -> Answer + Send + Sync>;

/// A warehouse that runs as long as the test.
pub(crate) struct Counterpart {
    /// Its address.
    pub(crate) url: String,
    requests: Mutex<Vec<Request>>,
    answers: Answers,
}

impl Counterpart {
    pub(crate) async fn that(
        answers: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/orders?site=1", listener.local_addr().unwrap());
        let counterpart =
            Arc::new(Self { url, requests: Mutex::default(), answers: Box::new(answers) });
        let serving = Arc::clone(&counterpart);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&serving).serve(stream));
            }
        });
        counterpart
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read(&mut stream).await {
            assert_is_ours(&request);
            let before = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request.clone());
                requests.iter().filter(|it| it.key() == request.key()).count() - 1
            };
            let (status, header, body) = match (self.answers)(&request, before) {
                Answer::Status(status) => (status, "x-empty: 1", ""),
                Answer::Full(status, header, body) => (status, header, body),
                Answer::Silence => std::future::pending().await,
                Answer::Together(status, all) => {
                    all.wait().await;
                    (status, "x-empty: 1", "")
                }
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} So\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Verifies a request as a warehouse would. If it panics, the request gets no answer.
fn assert_is_ours(request: &Request) {
    let signature = &request.headers["x-waybill-signature"];
    let (time, digest) = signature.split_once(',').unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let age = Timestamp::now().as_second() - time.parse::<i64>().unwrap();
    assert!((0..60).contains(&age), "{signature}");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{time}.{}", request.body).as_bytes());
    let digest = hex::decode(digest.strip_prefix("v1=").unwrap()).unwrap();
    mac.verify_slice(&digest).expect("the signature is not ours");
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut request =
        Request { line: line.trim().to_owned(), headers: HashMap::new(), body: String::new() };
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = request.headers.get("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).unwrap();
    Some(request)
}
