//! The control API on loopback: `GET /traffic`, `PUT /traffic`, `POST /mode/{mode}` and
//! `POST /verdict`.

use std::future::ready;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use waybill_ops::error::{Context as _, Result};

use crate::generator::Wanted;
use crate::mix::Mix;
use crate::mode::Mode;
use crate::status::{self, Board};

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
type Answer = (StatusCode, Json<Value>);

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

    fn show(&self) -> Answer {
        match serde_json::to_value(self.board.read()) {
            Ok(status) => (StatusCode::OK, Json(status)),
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

    fn set_mode(&self, mode: &str) -> Answer {
        match mode.parse() {
            Ok(mode) => {
                self.want(Wanted { mode, ..self.wanted() });
                self.show()
            }
            Err(error) => problem(StatusCode::BAD_REQUEST, error),
        }
    }

    fn ask_for_a_verdict(&self) -> Answer {
        if self.board.read().state == status::State::Idle {
            let error = "there is nothing to judge; POST /mode/steady starts traffic";
            return problem(StatusCode::CONFLICT, error);
        }
        self.want(Wanted { mode: Mode::Pause, ..self.wanted() });
        self.judge.notify_one();
        (StatusCode::ACCEPTED, Json(json!({ "verdict": "on its way; GET /traffic shows it" })))
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
    (status, Json(json!({ "error": error.into() })))
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

type Shared = State<Arc<Control>>;

/// Serves the control API until it is dropped.
pub async fn serve(listener: TcpListener, control: Arc<Control>) {
    let Ok(address) = listener.local_addr() else { return };
    let put = async |State(control): Shared, body: Result<Bytes, BytesRejection>| match body {
        Ok(body) => control.change(&body),
        Err(error) => problem(error.status(), error.body_text()),
    };
    let mode = async |State(control): Shared, Path(mode): Path<String>| control.set_mode(&mode);
    let router = Router::new()
        .route("/traffic", get(async |State(control): Shared| control.show()).put(put))
        .route("/mode/{mode}", post(mode))
        .route("/verdict", post(async |State(control): Shared| control.ask_for_a_verdict()))
        .method_not_allowed_fallback(|| {
            ready(problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "this route has other methods; see Allow",
            ))
        })
        .fallback(|| {
            let error =
                "the routes are GET /traffic, PUT /traffic, POST /mode/{mode} and POST /verdict";
            ready(problem(StatusCode::NOT_FOUND, error))
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(move |request, next| from_here(address.port(), request, next)))
        .with_state(control);
    // Fails only if the listener does, and nobody can be told.
    let _ = axum::serve(listener, router).await;
}

/// Refuses what a page in a browser could send: another host name that resolves to loopback, and any
/// request with an `Origin`.
async fn from_here(port: u16, request: Request, next: Next) -> Response {
    let allowed = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| allowed.iter().any(|it| it == host)) {
        let error = format!("the Host must be {}", allowed.join(" or "));
        return problem(StatusCode::FORBIDDEN, error).into_response();
    }
    if request.headers().contains_key(ORIGIN) {
        return problem(StatusCode::FORBIDDEN, "requests of web pages are refused").into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> Arc<Control> {
        Control::new(Wanted { mode: Mode::Pause, rate: 5.0, mix: Mix::default() })
    }

    fn put(control: &Control, body: &Value) -> Answer {
        control.change(body.to_string().as_bytes())
    }

    #[test]
    fn a_change_keeps_what_it_leaves_out() {
        let control = control();
        let (status, Json(shown)) = put(&control, &json!({ "rate": 9.5 }));
        assert_eq!(
            (status, &shown["rate"], &shown["mode"]),
            (StatusCode::OK, &json!(9.5), &json!("pause"))
        );
        let (_, Json(shown)) = control.set_mode("flash-sale");
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
            let (status, Json(answer)) = put(&control, &body);
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            assert!(answer["error"].as_str().unwrap().contains(word), "{body}: {answer}");
        }
        let (status, Json(answer)) = control.set_mode("flood");
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(answer["error"].as_str().unwrap().contains("steady"));
        assert_eq!(*control.wanted.borrow(), before);
    }

    #[tokio::test]
    async fn asking_for_a_verdict_pauses_the_traffic() {
        let control = control();
        assert_eq!(control.set_mode("steady").0, StatusCode::OK);
        assert_eq!(control.ask_for_a_verdict().0, StatusCode::CONFLICT, "no round is open");
        control.board.change(|status| status.state = status::State::Sending);
        assert_eq!(control.ask_for_a_verdict().0, StatusCode::ACCEPTED);
        assert_eq!(control.wanted.borrow().mode, Mode::Pause);
        control.judge.notified().await;
    }

    #[tokio::test]
    async fn other_routes_hosts_and_web_pages_are_refused() {
        let listener = listen(0).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(serve(listener, control()));
        let http = reqwest::Client::new();
        let url = format!("{base}/traffic");
        let status = async |name: &str, value: &str| {
            http.get(&url).header(name, value).send().await.unwrap().status().as_u16()
        };
        assert_eq!(status("accept", "*/*").await, 200);
        assert_eq!(status("host", "evil.example").await, 403);
        assert_eq!(status("origin", "https://evil.example").await, 403);
        let long = http.put(&url).body("x".repeat(MAX_BODY + 1)).send().await.unwrap();
        assert_eq!(long.status().as_u16(), 413);
        assert!(long.json::<Value>().await.unwrap()["error"].is_string());
        let changed = http.put(&url).body(r#"{"rate":7}"#).send().await.unwrap();
        assert_eq!(changed.json::<Value>().await.unwrap()["rate"], 7.0);
        let deleted = http.delete(&url).send().await.unwrap();
        assert_eq!(
            (deleted.status().as_u16(), &deleted.headers()["allow"]),
            (405, &"GET,HEAD,PUT".parse().unwrap())
        );
        for (path, expected) in [("/mode/steady", 200), ("/mode/flood", 400), ("/", 404)] {
            let answer = http.post(format!("{base}{path}")).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{path}");
        }
        server.abort();
    }
}
