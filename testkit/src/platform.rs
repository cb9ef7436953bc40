//! A fake Lambda platform: the parts of the Runtime API and the Extensions API that functions use.
//!
//! As on AWS, the environment is frozen once the runtime has asked for its next event. An extension
//! without events asks for one and never gets it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tokio::sync::{Mutex, mpsc, watch};

use crate::http::{Request, Response, Server, response};

/// How a platform treats extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// Registers them, as Lambda does.
    Known,
    /// Answers 404: an emulator.
    Unknown,
}

/// The platform of one function.
pub struct Platform {
    /// What the function is given as `AWS_LAMBDA_RUNTIME_API`.
    pub address: SocketAddr,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Answered>,
    environment: Arc<Environment>,
    _server: Server,
}

/// An answer, and how long it took from the moment the event was handed out.
pub struct Answered {
    /// The answer, or the error.
    pub answer: Value,
    /// The time.
    pub took: Duration,
}

impl Platform {
    /// Starts a platform for a function with this timeout.
    pub async fn start(extensions: Extensions, timeout: Duration) -> Self {
        let (events, to_hand_out) = mpsc::channel(1);
        let (answered, answers) = mpsc::channel(1);
        let environment = Arc::new(Environment {
            extensions,
            timeout,
            events: Mutex::new(to_hand_out),
            answers: answered,
            phase: watch::Sender::new(Phase::default()),
        });
        let serving = Arc::clone(&environment);
        let server =
            Server::start(move |request| Arc::clone(&serving).serve(request)).await.unwrap();
        Self { address: server.address, events, answers, environment, _server: server }
    }

    /// Waits until the function has asked for its first event.
    pub async fn asked_for_work(&self) {
        self.environment.reaches(|phase| phase.runtime_waits || phase.invocations > 0).await;
    }

    /// Waits until the environment is frozen.
    pub(crate) async fn frozen(&self) {
        self.environment.reaches(|phase| phase.runtime_waits).await;
    }

    /// When the current or last invocation must be over.
    pub(crate) fn deadline(&self) -> SystemTime {
        self.environment.phase.borrow().deadline()
    }

    /// Queues an event.
    pub async fn give(&self, event: Value) {
        self.events.send(event).await.unwrap();
    }

    /// The next answer of the function.
    pub async fn answer(&mut self) -> Answered {
        self.answers.recv().await.unwrap()
    }

    /// Whether there is an answer that nobody has taken.
    pub(crate) fn has_answer(&self) -> bool {
        !self.answers.is_empty()
    }
}

struct Environment {
    extensions: Extensions,
    timeout: Duration,
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Answered>,
    phase: watch::Sender<Phase>,
}

/// Where the environment is in its life.
#[derive(Default)]
struct Phase {
    /// The runtime has asked for its next event.
    runtime_waits: bool,
    invocations: u64,
    /// The deadline of the last invocation.
    deadline: Option<SystemTime>,
    /// When each invocation was handed out.
    handed_out: Vec<Instant>,
}

impl Phase {
    fn deadline(&self) -> SystemTime {
        self.deadline.unwrap_or_else(SystemTime::now)
    }
}

impl Environment {
    async fn reaches(&self, condition: impl FnMut(&Phase) -> bool) {
        // Can't fail: `self` holds the sender.
        let _ = self.phase.subscribe().wait_for(condition).await;
    }

    async fn serve(self: Arc<Self>, request: Request) -> Option<Response> {
        match (request.method().as_str(), request.uri().path()) {
            ("GET", "/2018-06-01/runtime/invocation/next") => self.next_invocation().await,
            ("POST", "/2020-01-01/extension/register")
                if self.extensions != Extensions::Unknown =>
            {
                let about = r#"{"functionName":"f","functionVersion":"1","handler":"h"}"#;
                Some(response(200, &[("lambda-extension-identifier", "tests")], about))
            }
            ("GET", "/2020-01-01/extension/event/next") => std::future::pending().await,
            ("POST", path) if path.ends_with("/response") || path.ends_with("/error") => {
                let took = self.since_handed_out(path);
                let answer = serde_json::from_slice(request.body()).unwrap();
                let _ = self.answers.send(Answered { answer, took }).await;
                Some(response(202, &[], ""))
            }
            _ => Some(response(404, &[], "")),
        }
    }

    /// The next event of the runtime; none once the test is over.
    async fn next_invocation(&self) -> Option<Response> {
        self.phase.send_modify(|phase| phase.runtime_waits = true);
        let event = self.events.lock().await.recv().await?;
        let deadline = SystemTime::now() + self.timeout;
        let mut number = 0;
        self.phase.send_modify(|phase| {
            phase.runtime_waits = false;
            phase.invocations += 1;
            phase.deadline = Some(deadline);
            phase.handed_out.push(Instant::now());
            number = phase.invocations;
        });
        let headers = [
            ("lambda-runtime-aws-request-id", &*request_id(number)),
            ("lambda-runtime-deadline-ms", &milliseconds(deadline).to_string()),
        ];
        Some(response(200, &headers, event.to_string()))
    }

    /// The time since the invocation that a response at `path` belongs to was handed out.
    fn since_handed_out(&self, path: &str) -> Duration {
        let number = path.split('/').find_map(|part| part.strip_prefix(REQUEST_ID));
        let number: usize = number.unwrap().parse().unwrap();
        self.phase.borrow().handed_out[number - 1].elapsed()
    }
}

/// What every request id starts with; the number of the invocation follows.
const REQUEST_ID: &str = "tests-";

fn request_id(number: u64) -> String {
    format!("{REQUEST_ID}{number}")
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}
