//! A function in its own process: the deployed binary, on a fake Lambda platform.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;

use crate::platform::{Answered, Platform};
use crate::{PATIENCE, unique};

pub use crate::platform::Extensions;

/// A running function.
pub struct Function {
    child: Child,
    output: mpsc::UnboundedReceiver<String>,
    lines: Vec<Value>,
    platform: Platform,
}

/// How a function ended.
pub struct End {
    /// Its exit code; none if a signal killed it.
    pub code: Option<i32>,
    /// What it logged, one JSON object a line.
    pub lines: Vec<Value>,
}

impl Function {
    /// Starts the deployed function `name` with these variables and no others.
    pub async fn start(name: &str, extensions: Extensions, variables: &[(&str, &str)]) -> Self {
        Self::start_program(&bootstrap(name), name, extensions, variables).await
    }

    /// Starts another program that is a function.
    pub async fn start_program(
        program: &Path,
        name: &str,
        extensions: Extensions,
        variables: &[(&str, &str)],
    ) -> Self {
        let platform = Platform::start(extensions, timeout(name)).await;
        let mut child = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", platform.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "tests")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "tests")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let (logged, output) = mpsc::unbounded_channel();
        tokio::spawn(listen(child.stdout.take().unwrap(), logged));
        Self { child, output, lines: Vec::new(), platform }
    }

    /// Waits until it has started and asks for work.
    pub async fn ready(&self) {
        let asked = self.platform.asked_for_work();
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
    }

    /// Waits until it and its extension, if any, have asked for their next event, and the platform
    /// freezes it.
    pub async fn freezes(&self) {
        tokio::time::timeout(PATIENCE, self.platform.frozen()).await.unwrap();
    }

    /// When the current or last invocation must be over.
    #[must_use]
    pub fn deadline(&self) -> SystemTime {
        self.platform.deadline()
    }

    /// Sends it an event and waits for the answer.
    pub async fn invoke(&mut self, event: Value) -> Value {
        self.invoke_timed(event).await.0
    }

    /// Sends it an event and waits for the answer. Also returns the time from the moment it received
    /// the event.
    pub async fn invoke_timed(&mut self, event: Value) -> (Value, Duration) {
        self.give(event).await;
        let Answered { answer, took } = self.answered().await;
        (answer, took)
    }

    /// Waits for the answer to an event that was given.
    pub async fn answer(&mut self) -> Value {
        self.answered().await.answer
    }

    async fn answered(&mut self) -> Answered {
        tokio::time::timeout(PATIENCE, self.platform.answer()).await.unwrap()
    }

    /// The id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Whether there is an answer that nobody has taken.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.platform.has_answer()
    }

    /// Sends it an event without waiting for the answer.
    pub async fn give(&self, event: Value) {
        self.platform.give(event).await;
    }

    /// Kills it with SIGKILL.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends it SIGTERM, as the platform does before it removes an environment.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops it with SIGSTOP, as a platform that freezes an environment.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues it with SIGCONT.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until it logs this message.
    pub async fn says(&mut self, message: &str) {
        let logged = async {
            while let Some(line) = self.next_line().await {
                if line["message"] == message {
                    return;
                }
            }
            panic!("the function ended without logging {message:?}");
        };
        tokio::time::timeout(PATIENCE, logged).await.unwrap();
    }

    /// Waits until it has ended.
    pub async fn end(mut self) -> End {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        while self.next_line().await.is_some() {}
        End { code: status.code(), lines: self.lines }
    }

    async fn next_line(&mut self) -> Option<&Value> {
        let line = self.output.recv().await?;
        self.lines.push(serde_json::from_str(&line).unwrap());
        self.lines.last()
    }
}

/// The event of a `POST` of JSON with an idempotency key, as API Gateway sends it.
#[must_use]
pub fn post(path: &str, key: &str, body: &Value) -> Value {
    let mut event = get(path, &json!({}));
    event["routeKey"] = format!("POST {path}").into();
    event["requestContext"]["routeKey"] = event["routeKey"].clone();
    event["requestContext"]["http"]["method"] = "POST".into();
    event["headers"]["content-type"] = "application/json".into();
    event["headers"]["idempotency-key"] = key.into();
    event["body"] = body.to_string().into();
    event
}

/// The event of a request with JSON that changes the resource with this id if its `ETag` is `tag`.
#[must_use]
pub fn change(method: &str, path: &str, id: &str, tag: &str, body: &Value) -> Value {
    let mut event = post(path, "unused", body);
    event["requestContext"]["http"]["method"] = method.into();
    event["pathParameters"] = json!({ "id": id });
    event["headers"]["if-match"] = tag.into();
    event
}

/// The event of a `GET`, as API Gateway sends it.
#[must_use]
pub fn get(path: &str, parameters: &Value) -> Value {
    json!({
        "version": "2.0",
        "routeKey": format!("GET {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "localhost" },
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "tests",
            "domainName": "localhost",
            "domainPrefix": "tests",
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "tests",
            },
            "requestId": unique("request"),
            "routeKey": format!("GET {path}"),
            "stage": "$default",
            "time": "20/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_176_000_000_i64,
        },
        "isBase64Encoded": false,
    })
}

/// The deployed binary of a function.
#[must_use]
pub fn bootstrap(function: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join("target/lambda").join(function).join("bootstrap")
}

/// Reads what a function logs at once: a full pipe would stop it.
async fn listen(output: ChildStdout, logged: mpsc::UnboundedSender<String>) {
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let _ = logged.send(line);
    }
}

/// A function's timeout in the template.
fn timeout(function: &str) -> Duration {
    Duration::from_secs(match function {
        "fulfill-order" | "notify-customer" => 30,
        "relay-outbox" => 60,
        "migrate" => 120,
        _ => 10,
    })
}
