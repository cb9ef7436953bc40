//! The control API on loopback: `GET /traffic`, `PUT /traffic`, `POST /mode/{mode}` and
//! `POST /verdict`.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HOST, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use waybill_ops::error::{Context as _, Result};

use crate::generator::Wanted;
use crate::mix::Mix;
use crate::mode::Mode;
use crate::status::{Board, State};

/// The most requests in a second that can be asked for, before the mode multiplies them.
pub const MAX_RATE: f64 = 500.0;
/// The largest body.
const MAX_BODY: usize = 16 * 1024;

/// What the control API changes and shows.
#[derive(Debug)]
pub struct Control {
    /// What is wanted.
    pub wanted: watch::Sender<Wanted>,
    /// What is going on.
    pub board: Arc<Board>,
    /// A verdict was asked for.
    pub judge: Notify,
}

/// A change of what is wanted. Fields that are left out stay as they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    mode: Option<Mode>,
    rate: Option<f64>,
    mix: Option<Mix>,
}

/// An answer: its status and its JSON.
type Answer = (StatusCode, Value);

impl Control {
    /// Control of traffic that starts like this.
    #[must_use]
    pub fn new(wanted: Wanted) -> Arc<Self> {
        let board = Arc::new(Board::new(wanted));
        Arc::new(Self { wanted: watch::channel(wanted).0, board, judge: Notify::new() })
    }

    /// Changes what is wanted.
    pub fn want(&self, wanted: Wanted) {
        self.board.change(|status| {
            (status.mode, status.rate, status.mix) = (wanted.mode, wanted.rate, wanted.mix);
        });
        self.wanted.send_replace(wanted);
    }

    /// What is wanted now. The channel's own borrow would block a change in the same expression.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        *self.wanted.borrow()
    }

    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Answer {
        let mode = path.strip_prefix("/mode/");
        match (method.as_str(), path, mode) {
            ("GET", "/traffic", _) => self.show(),
            ("PUT", "/traffic", _) => self.change(body),
            ("POST", "/verdict", _) if self.board.read().state == State::Idle => problem(
                StatusCode::CONFLICT,
                "there is nothing to judge; POST /mode/steady starts traffic",
            ),
            ("POST", "/verdict", _) => {
                self.want(Wanted { mode: Mode::Pause, ..self.wanted() });
                self.judge.notify_one();
                (StatusCode::ACCEPTED, json!({ "verdict": "on its way; GET /traffic shows it" }))
            }
            ("POST", _, Some(mode)) => match mode.parse() {
                Ok(mode) => {
                    self.want(Wanted { mode, ..self.wanted() });
                    self.show()
                }
                Err(error) => problem(StatusCode::BAD_REQUEST, error),
            },
            (_, "/traffic", _) => problem(StatusCode::METHOD_NOT_ALLOWED, "use GET or PUT"),
            (_, "/verdict", _) | (_, _, Some(_)) => {
                problem(StatusCode::METHOD_NOT_ALLOWED, "use POST")
            }
            _ => problem(
                StatusCode::NOT_FOUND,
                "the routes are GET /traffic, PUT /traffic, POST /mode/{mode} and POST /verdict",
            ),
        }
    }

    fn show(&self) -> Answer {
        match serde_json::to_value(self.board.read()) {
            Ok(status) => (StatusCode::OK, status),
            Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    fn change(&self, body: &[u8]) -> Answer {
        let change: Change = match serde_json::from_slice(body) {
            Ok(change) => change,
            Err(error) => return problem(StatusCode::BAD_REQUEST, error.to_string()),
        };
        let now = self.wanted();
        let wanted = Wanted {
            mode: change.mode.unwrap_or(now.mode),
            rate: change.rate.unwrap_or(now.rate),
            mix: change.mix.unwrap_or(now.mix),
        };
        if let Err(error) = check_rate(wanted.rate).and_then(|()| wanted.mix.check()) {
            return problem(StatusCode::BAD_REQUEST, error);
        }
        self.want(wanted);
        self.show()
    }
}

/// Checks a rate.
///
/// # Errors
/// A sentence that says what it may be.
pub fn check_rate(rate: f64) -> Result<(), String> {
    if (0.1..=MAX_RATE).contains(&rate) {
        return Ok(());
    }
    Err(format!("rate is {rate}; it must be 0.1 to {MAX_RATE} requests a second."))
}

fn problem(status: StatusCode, error: impl Into<String>) -> Answer {
    (status, json!({ "error": error.into() }))
}

/// Listens on loopback; port 0 is any free port.
///
/// # Errors
/// If the port is in use.
pub async fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .context(|| format!("Port {port} on 127.0.0.1 is in use by another program."))
}

/// Serves the control API until it is dropped.
pub async fn serve(listener: TcpListener, control: Arc<Control>) {
    let Ok(address) = listener.local_addr() else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let control = Arc::clone(&control);
        let service = service_fn(move |request| respond(request, address, Arc::clone(&control)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(
    request: Request<Incoming>,
    address: SocketAddr,
    control: Arc<Control>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let (status, answer) = if let Err(error) =
        from_here(header(HOST), head.headers.contains_key(ORIGIN), address.port())
    {
        problem(StatusCode::FORBIDDEN, error)
    } else {
        match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => control.answer(&head.method, head.uri.path(), &body.to_bytes()),
            Err(_) => problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(format!("{answer}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allow = if head.uri.path() == "/traffic" { "GET, PUT" } else { "POST" };
        headers.insert(ALLOW, hyper::header::HeaderValue::from_static(allow));
    }
    Ok(response)
}

/// Refuses what a page in a browser could send: another host name that resolves to loopback, and any
/// request with an `Origin`.
fn from_here(host: Option<&str>, has_origin: bool, port: u16) -> Result<(), String> {
    let allowed = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
    if !host.is_some_and(|host| allowed.iter().any(|it| it == host)) {
        return Err(format!("the Host must be {}", allowed.join(" or ")));
    }
    if has_origin {
        return Err("requests of web pages are refused".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> Arc<Control> {
        Control::new(Wanted { mode: Mode::Pause, rate: 5.0, mix: Mix::default() })
    }

    fn put(control: &Control, body: &Value) -> Answer {
        control.answer(&Method::PUT, "/traffic", body.to_string().as_bytes())
    }

    #[test]
    fn a_change_keeps_what_it_leaves_out() {
        let control = control();
        let (status, shown) = put(&control, &json!({ "rate": 9.5 }));
        assert_eq!(
            (status, &shown["rate"], &shown["mode"]),
            (StatusCode::OK, &json!(9.5), &json!("pause"))
        );
        let (_, shown) = control.answer(&Method::POST, "/mode/flash-sale", b"");
        assert_eq!((&shown["mode"], &shown["rate"]), (&json!("flash-sale"), &json!(9.5)));
        assert_eq!(control.wanted.borrow().mode, Mode::FlashSale);
    }

    #[test]
    fn bad_input_is_refused_with_what_is_wrong_and_changes_nothing() {
        let control = control();
        let before = *control.wanted.borrow();
        let no_orders = json!({"orders": 0, "replays": 1, "reads": 1, "cancels": 1, "staff": 1});
        for (body, word) in [
            (json!({ "rate": 0 }), "rate"),
            (json!({ "rate": 1e9 }), "500"),
            (json!({ "mode": "flood" }), "flood"),
            (json!({ "speed": 1 }), "speed"),
            (json!({ "mix": { "orders": 1 } }), "replays"),
            (json!({ "mix": no_orders }), "mix.orders"),
            (json!([]), "invalid"),
        ] {
            let (status, answer) = put(&control, &body);
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            assert!(answer["error"].as_str().unwrap().contains(word), "{body}: {answer}");
        }
        let (status, answer) = control.answer(&Method::POST, "/mode/flood", b"");
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(answer["error"].as_str().unwrap().contains("steady"));
        assert_eq!(control.answer(&Method::GET, "/", b"").0, StatusCode::NOT_FOUND);
        let (status, _) = control.answer(&Method::DELETE, "/traffic", b"");
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(*control.wanted.borrow(), before);
    }

    #[tokio::test]
    async fn asking_for_a_verdict_pauses_the_traffic() {
        let control = control();
        control.answer(&Method::POST, "/mode/steady", b"");
        let (status, _) = control.answer(&Method::POST, "/verdict", b"");
        assert_eq!(status, StatusCode::CONFLICT, "no round is open");
        control.board.change(|status| status.state = State::Sending);
        let (status, _) = control.answer(&Method::POST, "/verdict", b"");
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(control.wanted.borrow().mode, Mode::Pause);
        control.judge.notified().await;
    }

    #[tokio::test]
    async fn other_hosts_and_web_pages_are_refused() {
        let listener = listen(0).await.unwrap();
        let url = format!("http://{}/traffic", listener.local_addr().unwrap());
        let server = tokio::spawn(serve(listener, control()));
        let http = reqwest::Client::new();
        let status = async |name: &str, value: &str| {
            http.get(&url).header(name, value).send().await.unwrap().status().as_u16()
        };
        assert_eq!(status("accept", "*/*").await, 200);
        assert_eq!(status("host", "evil.example").await, 403);
        assert_eq!(status("origin", "https://evil.example").await, 403);
        let long = http.put(&url).body("x".repeat(MAX_BODY + 1)).send().await.unwrap();
        assert_eq!(long.status().as_u16(), 413);
        server.abort();
    }
}
