//! The proxies and the control API, in front of servers that only say that they were reached.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use faults::control::Control;
use faults::http::{Response, Server};
use faults::settings::{Ports, Settings};
use faults::{api, listen};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// The longest that a test waits for one thing.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Stand {
    pub(crate) ports: Ports,
    pub(crate) binaries: PathBuf,
    control: Server,
    http: Client,
    postgres: AbortHandle,
    _aws: Server,
}

/// How often free ports are chosen: another program may take one before it is used.
const CHOICES: usize = 20;

/// Starts on the first settings whose ports are still free.
async fn start(settings: impl Fn() -> Settings) -> (Settings, Arc<Control>, TcpListener) {
    for _ in 0..CHOICES {
        let settings = settings();
        let Ok(control) = Control::start(&settings).await else { continue };
        if let Ok(listener) = listen::on(settings.control_port).await {
            return (settings, control, listener);
        }
    }
    panic!("found no free ports in {CHOICES} tries");
}

impl Stand {
    pub(crate) async fn new() -> Self {
        let aws = Server::start(async |_| Some(Response::new("done".into()))).await.unwrap();
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let binaries = std::env::temp_dir().join(format!("waybill-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&binaries).unwrap();
        let settings = || Settings {
            control_port: free_port(),
            ports: Ports {
                postgres: free_port(),
                sqs: free_port(),
                dynamodb: free_port(),
                eventbridge: free_port(),
                ses: free_port(),
            },
            postgres: server.local_addr().unwrap().to_string(),
            aws: aws.url(),
            binaries: binaries.clone(),
            stack: "waybill".to_owned(),
            functions: ["create-order", "get-order"].map(str::to_owned).into(),
        };
        let (settings, control, listener) = start(settings).await;
        Self {
            ports: settings.ports,
            binaries,
            control: api::serve(&control, listener).unwrap(),
            http: Client::builder().no_proxy().build().unwrap(),
            postgres: tokio::spawn(echo(server)).abort_handle(),
            _aws: aws,
        }
    }

    /// Calls the control API.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) -> (StatusCode, HeaderMap, Value) {
        let url = format!("{}{path}", self.control.url());
        let mut request = self.http.request(method, url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, answer.json().await.unwrap())
    }

    /// Starts a fault, which must succeed.
    pub(crate) async fn strike(&self, name: &str, parameters: Value) -> Value {
        let headers = [(CONTENT_TYPE, "application/json")];
        let path = format!("/faults/{name}");
        let (status, _, body) =
            self.call(Method::PUT, &path, &headers, &parameters.to_string()).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["state"], "active");
        body
    }

    /// Ends a fault. Returns how often it struck.
    pub(crate) async fn end(&self, name: &str) -> u64 {
        let path = format!("/faults/{name}");
        let (status, _, body) = self.call(Method::DELETE, &path, &[], "").await;
        assert_eq!((status, &body["state"]), (StatusCode::OK, &json!("idle")));
        body["struck"].as_u64().unwrap()
    }

    pub(crate) async fn list(&self) -> Value {
        self.call(Method::GET, "/faults", &[], "").await.2
    }

    /// Waits until the fault has struck this often.
    pub(crate) async fn struck(&self, name: &str, times: u64) {
        let path = format!("/faults/{name}");
        let enough = async {
            while self.call(Method::GET, &path, &[], "").await.2["struck"].as_u64() < Some(times) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.unwrap();
    }

    /// Asks a service of AWS through its proxy.
    pub(crate) async fn ask(&self, port: u16) -> reqwest::Result<(StatusCode, String)> {
        let answer = self.http.post(format!("http://127.0.0.1:{port}/")).body("do").send().await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// Connects to the server through the proxy in front of Postgres.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.ports.postgres)).await.unwrap()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.postgres.abort();
        let _ = fs::remove_dir_all(&self.binaries);
    }
}

/// Sends four bytes and returns the answer of a server that repeats them.
pub(crate) async fn repeat(connection: &mut TcpStream) -> std::io::Result<[u8; 4]> {
    connection.write_all(b"ping").await?;
    let mut answer = [0; 4];
    tokio::time::timeout(PATIENCE, connection.read_exact(&mut answer)).await.unwrap()?;
    Ok(answer)
}

async fn echo(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let (mut from, mut to) = stream.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A copy of `sleep` in the folder, as the binary of a function.
pub(crate) fn install_sleep(folder: &Path) -> PathBuf {
    let sleep = ["/bin/sleep", "/usr/bin/sleep"].into_iter().find(|it| Path::new(it).exists());
    let binary = folder.join("bootstrap");
    fs::copy(sleep.unwrap(), &binary).unwrap();
    binary
}
