//! Chromium without a window, driven by the protocol of its developer tools.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;

use e2e::eventually;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use testkit::{PATIENCE, unique};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// One page in a browser with a profile of its own.
pub(crate) struct Browser {
    page: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
    complaints: Vec<String>,
    _process: Child,
    profile: PathBuf,
}

impl Browser {
    /// Starts Chromium; none if it is not installed.
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
                eprintln!("skipped: chromium is not installed (Debian: apt install chromium)");
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
            let page = list.into_iter().find(|target| target["type"] == "page")?;
            Some(page["webSocketDebuggerUrl"].as_str()?.to_owned())
        })
        .await;
        let page = connect_async(page).await.unwrap().0;
        let mut browser =
            Self { page, next: 0, complaints: Vec::new(), _process: process, profile };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({})).await;
        }
        Some(browser)
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
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let mut result = self.call("Runtime.evaluate", parameters).await;
        assert_eq!(result["exceptionDetails"], Value::Null, "{expression}");
        result["result"]["value"].take()
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&mut self, expression: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.evaluate(expression).await != true {
            if tokio::time::Instant::now() > deadline {
                let page = self.text("body").await;
                panic!("{expression}: not within {PATIENCE:?}: {page} {:?}", self.complaints);
            }
            // The page answers at once; it needs time to change.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
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
    async fn call(&mut self, method: &str, parameters: Value) -> Value {
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
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].take();
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

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
