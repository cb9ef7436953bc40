//! A function as a process of its own: the deployed binary, with a Runtime API that a test answers.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;

use crate::platform::{self, Answered, Platform};
use crate::{PATIENCE, unique};

pub use crate::platform::Extensions;

/// A running function.
pub struct Function {
    child: Child,
    output: mpsc::UnboundedReceiver<String>,
    lines: Vec<Value>,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Answered>,
    platform: Arc<Platform>,
}

/// What a function left when it ended.
pub struct End {
    /// Its exit code; none if a signal killed it.
    pub code: Option<i32>,
    /// The lines that it wrote, each of which is a JSON object.
    pub lines: Vec<Value>,
}

impl Function {
    /// Starts the function `name` with these variables and no others.
    pub async fn start(name: &str, extensions: Extensions, variables: &[(&str, &str)]) -> Self {
        Self::start_program(&bootstrap(name), name, extensions, variables).await
    }

    /// The same for any program that is a function.
    pub async fn start_program(
        program: &Path,
        name: &str,
        extensions: Extensions,
        variables: &[(&str, &str)],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut child = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
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
        let (said, output) = mpsc::unbounded_channel();
        tokio::spawn(listen(child.stdout.take().unwrap(), said));
        let (events, to_serve) = mpsc::channel(1);
        let (to_answer, answers) = mpsc::channel(1);
        let platform = Platform::new(extensions, timeout(name), to_serve, to_answer);
        tokio::spawn(platform::accept(listener, Arc::clone(&platform)));
        Self { child, output, lines: Vec::new(), events, answers, platform }
    }

    /// Waits until it has started, and asks for work.
    pub async fn ready(&self) {
        let asked = self.platform.asked_for_work();
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
    }

    /// Waits until it asks for its next event, as its extension does if it has one: then the platform
    /// freezes it.
    pub async fn freezes(&self) {
        tokio::time::timeout(PATIENCE, self.platform.frozen()).await.unwrap();
    }

    /// When the invocation at work, or the last one, must be over.
    #[must_use]
    pub fn deadline(&self) -> SystemTime {
        self.platform.deadline()
    }

    /// Hands it an event, and waits for the answer.
    pub async fn invoke(&mut self, event: Value) -> Value {
        self.invoke_timed(event).await.0
    }

    /// Hands it an event, waits for the answer, and says how long that took from the moment that the
    /// event was handed out.
    pub async fn invoke_timed(&mut self, event: Value) -> (Value, Duration) {
        self.events.send(event).await.unwrap();
        let answered = tokio::time::timeout(PATIENCE, self.answers.recv()).await.unwrap().unwrap();
        (answered.answer, answered.took)
    }

    /// Waits for the answer to an event that it was given.
    pub async fn answer(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.answers.recv()).await.unwrap().unwrap().answer
    }

    /// The id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Whether there is an answer that nobody has taken.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Hands it an event, and does not wait.
    pub async fn give(&self, event: Value) {
        self.events.send(event).await.unwrap();
    }

    /// Kills it on the spot: SIGKILL, and no last words.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends it SIGTERM, as the platform does before an environment goes.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops it where it is, as a platform does that freezes an environment.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until it writes a line with this message.
    pub async fn says(&mut self, message: &str) {
        let said = async {
            while let Some(line) = self.next_line().await {
                if line["message"] == message {
                    return;
                }
            }
            panic!("it ended without saying {message:?}");
        };
        tokio::time::timeout(PATIENCE, said).await.unwrap();
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

/// What API Gateway makes of a `POST` of JSON, under an idempotency key.
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

/// What API Gateway makes of a request with JSON that changes the thing with this id, if it still is as
/// its `ETag` says.
#[must_use]
pub fn change(method: &str, path: &str, id: &str, tag: &str, body: &Value) -> Value {
    let mut event = post(path, "unused", body);
    event["requestContext"]["http"]["method"] = method.into();
    event["pathParameters"] = json!({ "id": id });
    event["headers"]["if-match"] = tag.into();
    event
}

/// What API Gateway makes of a `GET` without a body.
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

/// The binary of a function, as it is deployed.
#[must_use]
pub fn bootstrap(function: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join("target/lambda").join(function).join("bootstrap")
}

/// `host:port` of a connection string.
#[must_use]
pub fn server(url: &str) -> &str {
    let (_, rest) = url.rsplit_once('@').unwrap();
    rest.split('/').next().unwrap()
}

/// Passes one connection on to `server`, and returns what the client sent.
pub async fn forward(listener: TcpListener, server: String) -> Vec<u8> {
    let (client, _) = listener.accept().await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let server = TcpStream::connect(server).await.unwrap();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let (mut sent, mut bytes) = (Vec::new(), vec![0; 4096]);
    while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
        sent.extend_from_slice(&bytes[..length]);
        to_server.write_all(&bytes[..length]).await.unwrap();
    }
    sent
}

/// Takes what a function says as it says it: a full pipe would stop it.
async fn listen(output: ChildStdout, said: mpsc::UnboundedSender<String>) {
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let _ = said.send(line);
    }
}

/// What the template gives a function.
fn timeout(function: &str) -> Duration {
    Duration::from_secs(match function {
        "fulfill-order" => 30,
        "relay-outbox" => 60,
        "migrate" => 120,
        _ => 10,
    })
}
