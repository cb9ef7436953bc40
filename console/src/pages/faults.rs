//! Break it: the faults of the stack, with their end and how often they struck.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::nothing::NothingPage;
use super::render;
use crate::console::Shared;
use crate::format::{age, clock, now_ms};
use crate::frame::{Frame, Page};
use crate::sources::control::Trouble;

/// The variable with the address of `waybill-faults`.
const VARIABLE: &str = "FAULTS_URL";
/// The most faults of the past that are shown.
const SHOWN: usize = 20;

/// The page.
#[derive(Template)]
#[template(path = "faults.html")]
struct FaultsPage {
    frame: Frame,
    faults: Vec<Fault>,
    active: Vec<Active>,
    past: Vec<Ended>,
    trouble: Option<Trouble>,
}

/// The answer of `GET /faults`.
#[derive(Debug, Default, Deserialize)]
struct List {
    faults: Vec<Fault>,
    #[serde(default)]
    history: Vec<Past>,
}

/// A fault.
#[derive(Debug, Deserialize)]
struct Fault {
    name: String,
    description: String,
    #[serde(default)]
    parameters: Vec<Parameter>,
    state: String,
    #[serde(default)]
    ends_at: Option<Timestamp>,
    #[serde(default)]
    struck: u64,
}

/// What can be set for a fault.
#[derive(Debug, Deserialize)]
struct Parameter {
    name: String,
    default: Value,
    #[serde(default)]
    min: Option<u64>,
    #[serde(default)]
    max: Option<u64>,
    #[serde(default)]
    one_of: Vec<String>,
}

/// A fault that has ended.
#[derive(Debug, Deserialize)]
struct Past {
    name: String,
    started_at: Timestamp,
    ended_at: Timestamp,
    #[serde(default)]
    struck: u64,
}

/// A fault that strikes now.
struct Active {
    name: String,
    ends_in: String,
    struck: u64,
}

/// A fault of the past as it is shown.
struct Ended {
    name: String,
    from: String,
    to: String,
    struck: u64,
}

impl Parameter {
    /// The default as the value of a field.
    fn value(&self) -> String {
        self.default.as_str().map_or_else(|| self.default.to_string(), str::to_owned)
    }

    /// The name for people.
    fn label(&self) -> String {
        match self.name.as_str() {
            "for_s" => "seconds".to_owned(),
            // The description calls them so.
            other => other.to_owned(),
        }
    }
}

/// `GET /faults`
pub(crate) async fn page(State(console): State<Shared>) -> Response {
    let frame = console.frame(Page::Faults).await;
    render(&match list(&console).await {
        Ok(list) => content(frame, list, now_ms()),
        Err(trouble) => FaultsPage {
            frame,
            faults: Vec::new(),
            active: Vec::new(),
            past: Vec::new(),
            trouble: Some(trouble),
        },
    })
}

async fn list(console: &Shared) -> Result<List, Trouble> {
    let answer = console.sources.control(VARIABLE, Method::GET, "/faults", None).await?;
    serde_json::from_value(answer)
        .map_err(|error| Trouble::Failed(format!("Its list can't be read: {error}.")))
}

/// The faults that strike now, each with its end. None if they can't be read.
pub(crate) async fn active(console: &Shared) -> Vec<String> {
    let faults = list(console).await.map(|list| list.faults).unwrap_or_default();
    let active = faults.iter().filter(|fault| fault.state == "active");
    let now_ms = now_ms();
    let words = |fault: &Fault| match fault.ends_at {
        Some(end) => format!("{} for {}", fault.name, left(end, now_ms)),
        None => fault.name.clone(),
    };
    active.map(words).collect()
}

/// How long it is until then.
fn left(end: Timestamp, now_ms: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a fault takes minutes")]
    age((end.as_millisecond() - now_ms).max(0) as f64 / 1_000.0)
}

/// `POST /faults/{name}/start`
pub(crate) async fn start(
    State(console): State<Shared>,
    Path(name): Path<String>,
    body: String,
) -> Response {
    let set = settings(&Fields::parse(&body));
    change(&console, Method::PUT, &name, Some(&set)).await
}

/// `POST /faults/{name}/end`
pub(crate) async fn end(State(console): State<Shared>, Path(name): Path<String>) -> Response {
    change(&console, Method::DELETE, &name, None).await
}

async fn change(console: &Shared, method: Method, name: &str, body: Option<&Value>) -> Response {
    // It becomes a part of an address.
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return StatusCode::NOT_FOUND.into_response();
    }
    let path = format!("/faults/{name}");
    let why = match console.sources.control(VARIABLE, method, &path, body).await {
        Ok(_) => return Redirect::to("/faults").into_response(),
        Err(Trouble::Failed(why)) => why,
        Err(Trouble::NotStarted) => "The program that breaks things is not running.".to_owned(),
    };
    let frame = console.frame(Page::Faults).await;
    NothingPage::new(frame, "Nothing was changed", why).render_as(StatusCode::CONFLICT)
}

/// The fields of a form as JSON: numbers where they are numbers.
fn settings(fields: &Fields) -> Value {
    let value = |text: &str| match text.parse::<u64>() {
        Ok(number) => Value::from(number),
        Err(_) => Value::from(text),
    };
    let pairs = fields.iter().map(|(name, text)| (name.to_owned(), value(text)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn content(frame: Frame, list: List, now_ms: i64) -> FaultsPage {
    let is_active = |fault: &&Fault| fault.state == "active";
    let active = list.faults.iter().filter(is_active).map(|fault| Active {
        name: fault.name.clone(),
        ends_in: fault.ends_at.map_or_else(|| "–".to_owned(), |end| left(end, now_ms)),
        struck: fault.struck,
    });
    let past = list.history.iter().rev().take(SHOWN).map(|past| Ended {
        name: past.name.clone(),
        from: clock(past.started_at.as_millisecond()),
        to: clock(past.ended_at.as_millisecond()),
        struck: past.struck,
    });
    let (active, past) = (active.collect(), past.collect());
    FaultsPage { frame, active, past, faults: list.faults, trouble: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::collect::snapshot::Snapshot;

    #[test]
    fn an_active_fault_has_an_end_and_a_count_and_an_idle_one_a_form() {
        let list = json!({
            "faults": [
                {"name": "postgres-stopped", "target": "postgres", "description": "Stopped.",
                 "parameters": [{"name": "for_s", "default": 10, "min": 1, "max": 600}],
                 "state": "active", "set": {"for_s": 10}, "started_at": "2026-02-21T12:00:00Z",
                 "ends_at": "2026-02-21T12:00:10Z", "struck": 3},
                {"name": "function-killed", "target": "functions", "description": "Killed.",
                 "parameters": [{"name": "function", "default": "create-order",
                                 "one_of": ["create-order", "get-order"]}],
                 "state": "idle", "set": null, "started_at": null, "ends_at": null, "struck": 0}],
            "history": [{"name": "sqs-500", "target": "sqs", "set": {}, "struck": 0,
                "started_at": "2026-02-21T11:00:00Z", "ended_at": "2026-02-21T11:00:10Z"}]});
        let list = serde_json::from_value(list).unwrap();
        let frame = Frame::new(Page::Faults, &Snapshot::default());
        let page = content(frame, list, 1_771_675_204_000).render().unwrap();
        for expected in [
            "action=\"/faults/postgres-stopped/end\"",
            ">6 s<",
            "action=\"/faults/function-killed/start\"",
            "<option selected>create-order</option>",
            "struck nothing",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
    }

    #[test]
    fn a_form_becomes_settings() {
        let set = settings(&Fields::parse("for_s=20&function=get-order"));
        assert_eq!(set, json!({"for_s": 20, "function": "get-order"}));
    }
}
