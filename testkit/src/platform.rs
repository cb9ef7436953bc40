//! The platform of a function: as much of the Runtime API and of the Extensions API as functions use.
//!
//! As on AWS, an invocation is handed to the runtime and to an extension that is registered for
//! `INVOKE` at once, and only when both have asked for their next event; in between the environment is
//! frozen. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, watch};

use crate::http::{Request, answer, read};

/// What a platform does with extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// It registers them, and freezes the environment between invocations: Lambda's default.
    Known,
    /// It answers 404: an emulator.
    Unknown,
    /// It refuses one that registers for `INVOKE`, and never freezes the environment, which takes
    /// several invocations at once: Lambda Managed Instances.
    NotForInvoke,
}

pub(crate) struct Platform {
    extensions: Extensions,
    timeout: Duration,
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Answered>,
    phase: watch::Sender<Phase>,
}

/// An answer, and how long it took from handing out the event.
pub(crate) struct Answered {
    pub(crate) answer: Value,
    pub(crate) took: Duration,
}

/// Where the environment is in its life.
struct Phase {
    /// An extension is registered for `INVOKE`.
    has_extension: bool,
    /// The runtime has asked for its next event, and the extension.
    runtime_waits: bool,
    extension_waits: bool,
    /// How many invocations there were, and how many of them the extension has been told of.
    invocations: u64,
    told: u64,
    /// The end of the last one.
    deadline: SystemTime,
    /// When each was handed out, in their order.
    handed: Vec<Instant>,
}

impl Phase {
    fn is_frozen(&self) -> bool {
        self.runtime_waits && (self.extension_waits || !self.has_extension)
    }
}

impl Platform {
    pub(crate) fn new(
        extensions: Extensions,
        timeout: Duration,
        events: mpsc::Receiver<Value>,
        answers: mpsc::Sender<Answered>,
    ) -> Arc<Self> {
        let phase = Phase {
            has_extension: false,
            runtime_waits: false,
            extension_waits: false,
            invocations: 0,
            told: 0,
            deadline: SystemTime::now(),
            handed: Vec::new(),
        };
        let (events, phase) = (Mutex::new(events), watch::Sender::new(phase));
        Arc::new(Self { extensions, timeout, events, answers, phase })
    }

    pub(crate) async fn asked_for_work(&self) {
        self.reaches(|phase| phase.runtime_waits || phase.invocations > 0).await;
    }

    pub(crate) async fn frozen(&self) {
        self.reaches(Phase::is_frozen).await;
    }

    pub(crate) fn deadline(&self) -> SystemTime {
        self.phase.borrow().deadline
    }

    async fn reaches(&self, condition: impl FnMut(&Phase) -> bool) {
        // The sender is in here.
        let _ = self.phase.subscribe().wait_for(condition).await;
    }

    /// The next event of the runtime, with its headers; none once the test is over.
    async fn next_invocation(&self) -> Option<(String, String)> {
        self.phase.send_modify(|phase| phase.runtime_waits = true);
        let event = self.events.lock().await.recv().await?;
        if self.extensions != Extensions::NotForInvoke {
            self.frozen().await;
        }
        let deadline = SystemTime::now() + self.timeout;
        let event = event.to_string();
        let mut number = 0;
        self.phase.send_modify(|phase| {
            phase.runtime_waits = false;
            phase.extension_waits = false;
            phase.invocations += 1;
            phase.deadline = deadline;
            phase.handed.push(Instant::now());
            number = phase.invocations;
        });
        let headers = format!(
            "lambda-runtime-aws-request-id: tests-{number}\r\nlambda-runtime-deadline-ms: {}\r\n",
            milliseconds(deadline),
        );
        Some((headers, event))
    }

    /// The time since the invocation was handed out that `line` answers.
    fn since_handed(&self, line: &str) -> Duration {
        let number = line.split('/').find_map(|part| part.strip_prefix("tests-"));
        let number: usize = number.unwrap().parse().unwrap();
        self.phase.borrow().handed[number - 1].elapsed()
    }

    /// The next event of the extension. It is never told of anything that it did not register for.
    async fn next_extension_event(&self) -> String {
        if !self.phase.borrow().has_extension {
            return std::future::pending().await;
        }
        self.phase.send_modify(|phase| phase.extension_waits = phase.told == phase.invocations);
        self.reaches(|phase| phase.told < phase.invocations).await;
        self.phase.send_modify(|phase| phase.told += 1);
        let phase = self.phase.borrow();
        let event = json!({
            "eventType": "INVOKE",
            "deadlineMs": milliseconds(phase.deadline),
            "requestId": format!("tests-{}", phase.told),
            "invokedFunctionArn": "arn:aws:lambda:eu-central-1:000000000000:function:tests",
            "tracing": { "type": "X-Amzn-Trace-Id", "value": "" },
        });
        event.to_string()
    }
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}

pub(crate) async fn accept(listener: TcpListener, platform: Arc<Platform>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&platform)));
    }
}

async fn serve(stream: TcpStream, platform: Arc<Platform>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(Request { line, body, .. }) = read(&mut stream).await? {
        let (status, headers, body) = match line.as_str() {
            "GET /2018-06-01/runtime/invocation/next" => {
                let Some((headers, event)) = platform.next_invocation().await else { break };
                ("200 OK", headers, event)
            }
            "POST /2020-01-01/extension/register" if platform.extensions != Extensions::Unknown => {
                let wanted: Value = serde_json::from_slice(&body).unwrap();
                let invoke = wanted["events"].as_array().unwrap().contains(&json!("INVOKE"));
                if invoke && platform.extensions == Extensions::NotForInvoke {
                    ("400 Bad Request", String::new(), String::new())
                } else {
                    platform.phase.send_modify(|phase| phase.has_extension |= invoke);
                    let about = r#"{"functionName":"f","functionVersion":"1","handler":"h"}"#;
                    (
                        "200 OK",
                        "lambda-extension-identifier: tests\r\n".to_owned(),
                        about.to_owned(),
                    )
                }
            }
            "GET /2020-01-01/extension/event/next" => {
                ("200 OK", String::new(), platform.next_extension_event().await)
            }
            line if line.ends_with("/response") || line.ends_with("/error") => {
                let took = platform.since_handed(line);
                let answer = serde_json::from_slice(&body).unwrap();
                let _ = platform.answers.send(Answered { answer, took }).await;
                ("202 Accepted", String::new(), String::new())
            }
            _ => ("404 Not Found", String::new(), String::new()),
        };
        answer(&mut stream, status, &headers, body.as_bytes()).await?;
    }
    Ok(())
}
