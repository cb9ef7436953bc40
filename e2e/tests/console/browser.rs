//! Chromium without a window, driven by the protocol of its developer tools.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use e2e::eventually;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use testkit::left_out::{NO_CHROMIUM, leave_out};
use testkit::{PATIENCE, unique};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// One tab of a browser that has a profile of its own. The browser ends with its last tab.
pub(crate) struct Browser {
    page: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
    complaints: Vec<String>,
    chromium: Arc<Chromium>,
}

/// The process, and where it is controlled.
struct Chromium {
    address: String,
    _process: Child,
    profile: PathBuf,
}

impl Browser {
    /// Starts Chromium with one tab; none if it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let profile = std::env::temp_dir().join(unique("waybill-console"));
        let started = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut process = match started {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                leave_out(NO_CHROMIUM);
                return None;
            }
            started => started.unwrap(),
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = tokio::time::timeout(PATIENCE, async {
            loop {
                let line = lines.next_line().await.unwrap().expect("Chromium ended");
                if let Some(rest) = line.strip_prefix("DevTools listening on ws://") {
                    return rest.split('/').next().unwrap().to_owned();
                }
            }
        });
        let address = address.await.expect("Chromium does not listen");
        // A full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let page = eventually("Chromium has a page", async || {
            let list = reqwest::get(format!("http://{address}/json/list")).await.ok()?;
            let list: Vec<Value> = list.json().await.ok()?;
            list.into_iter().find(|target| target["type"] == "page")
        })
        .await;
        Some(Self::of(&page, Chromium { address, _process: process, profile }.into()).await)
    }

    /// Another tab of the same browser.
    pub(crate) async fn another(&self) -> Self {
        let url = format!("http://{}/json/new?about:blank", self.chromium.address);
        let page = reqwest::Client::new().put(url).send().await.unwrap().json().await.unwrap();
        Self::of(&page, Arc::clone(&self.chromium)).await
    }

    async fn of(page: &Value, chromium: Arc<Chromium>) -> Self {
        let page = connect_async(page["webSocketDebuggerUrl"].as_str().unwrap()).await.unwrap().0;
        let mut tab = Self { page, next: 0, complaints: Vec::new(), chromium };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            tab.call(domain, json!({})).await;
        }
        tab
    }

    /// Closes the tab, as a person does.
    pub(crate) async fn close(mut self) {
        self.call("Page.close", json!({})).await;
    }

    /// Opens a page, and waits until it is there.
    pub(crate) async fn open(&mut self, url: &str) {
        self.evaluate("window.isOld = true").await;
        self.call("Page.navigate", json!({ "url": url })).await;
        self.until("!window.isOld && document.readyState === 'complete'").await;
    }

    /// Clicks an element that leads to another page, and waits until that is there.
    pub(crate) async fn follow(&mut self, selector: &str) {
        let click = format!("window.isOld = true; document.querySelector({selector:?}).click()");
        self.evaluate(&click).await;
        self.until("!window.isOld && document.readyState === 'complete'").await;
    }

    /// The value of an expression.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let value = self.try_evaluate(expression).await;
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The value of an expression; an error if the page is being replaced by another.
    async fn try_evaluate(&mut self, expression: &str) -> Result<Value, Value> {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let mut result = self.try_call("Runtime.evaluate", parameters).await?;
        assert_eq!(result["exceptionDetails"], Value::Null, "{expression}");
        Ok(result["result"]["value"].take())
    }

    /// Waits until an expression is true, on this page or on the next one.
    pub(crate) async fn until(&mut self, expression: &str) {
        self.until_within(PATIENCE, expression).await;
    }

    /// The same with another limit.
    pub(crate) async fn until_within(&mut self, limit: Duration, expression: &str) {
        let deadline = tokio::time::Instant::now() + limit;
        // While a page is being replaced, it has no answer.
        while self.try_evaluate(expression).await != Ok(Value::Bool(true)) {
            if tokio::time::Instant::now() > deadline {
                let page = self.text("body").await;
                panic!("{expression}: not within {limit:?}: {page} {:?}", self.complaints);
            }
            // The page answers at once; it needs time to change.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The text of an element.
    pub(crate) async fn text(&mut self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({selector:?})?.innerText")).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The errors and warnings that pages have logged since the last call.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// Calls a method, and returns its result.
    pub(crate) async fn call(&mut self, method: &str, parameters: Value) -> Value {
        let result = self.try_call(method, parameters).await;
        result.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Calls a method, and returns its result or its error.
    async fn try_call(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.next += 1;
        let id = self.next;
        let call = json!({ "id": id, "method": method, "params": parameters });
        self.page.send(Message::text(call.to_string())).await.unwrap();
        loop {
            let next = tokio::time::timeout(PATIENCE, self.page.next()).await;
            let message = next.expect("Chromium does not answer").expect("Chromium ended").unwrap();
            let Ok(text) = message.into_text() else { continue };
            let Ok(mut message) = serde_json::from_str::<Value>(&text) else { continue };
            if message["id"] == id {
                return match message["error"].take() {
                    Value::Null => Ok(message["result"].take()),
                    error => Err(error),
                };
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        let is_bad = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                ["error", "warning", "assert"].contains(&parameters["type"].as_str().unwrap())
            }
            Some("Log.entryAdded") => {
                ["error", "warning"].contains(&parameters["entry"]["level"].as_str().unwrap())
            }
            _ => false,
        };
        if is_bad {
            self.complaints.push(parameters.to_string());
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
