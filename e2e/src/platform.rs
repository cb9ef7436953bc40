//! The platform of a function: as much of the Runtime API and of the Extensions API as functions use.
//!
//! As on AWS, an invocation is handed to the runtime and to an extension that is registered for
//! `INVOKE` at once, and only when both have asked for their next event; in between the environment is
//! frozen. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, watch};

use crate::http::{Request, answer, read};

/// Whether the platform knows of extensions, as AWS does and emulators may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// It registers them.
    Known,
    /// It answers 404.
    Unknown,
}

pub(crate) struct Platform {
    extensions: Extensions,
    timeout: Duration,
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Value>,
    phase: watch::Sender<Phase>,
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
        answers: mpsc::Sender<Value>,
    ) -> Arc<Self> {
        let phase = Phase {
            has_extension: false,
            runtime_waits: false,
            extension_waits: false,
            invocations: 0,
            told: 0,
            deadline: SystemTime::now(),
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
        self.frozen().await;
        let deadline = SystemTime::now() + self.timeout;
        self.phase.send_modify(|phase| {
            phase.runtime_waits = false;
            phase.extension_waits = false;
            phase.invocations += 1;
            phase.deadline = deadline;
        });
        let headers = format!(
            "lambda-runtime-aws-request-id: tests-{}\r\nlambda-runtime-deadline-ms: {}\r\n",
            self.phase.borrow().invocations,
            milliseconds(deadline),
        );
        Some((headers, event.to_string()))
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
            "POST /2020-01-01/extension/register" if platform.extensions == Extensions::Known => {
                let wanted: Value = serde_json::from_slice(&body).unwrap();
                let invoke = wanted["events"].as_array().unwrap().contains(&json!("INVOKE"));
                platform.phase.send_modify(|phase| phase.has_extension |= invoke);
                let about = r#"{"functionName":"f","functionVersion":"1","handler":"h"}"#;
                ("200 OK", "lambda-extension-identifier: tests\r\n".to_owned(), about.to_owned())
            }
            "GET /2020-01-01/extension/event/next" => {
                ("200 OK", String::new(), platform.next_extension_event().await)
            }
            line if line.ends_with("/response") || line.ends_with("/error") => {
                let answer = serde_json::from_slice(&body).unwrap();
                let _ = platform.answers.send(answer).await;
                ("202 Accepted", String::new(), String::new())
            }
            _ => ("404 Not Found", String::new(), String::new()),
        };
        answer(&mut stream, status, &headers, body.as_bytes()).await?;
    }
    Ok(())
}
