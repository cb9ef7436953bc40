//! Traffic: modes and rates, what comes of the requests, and the verdict.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields::Fields;
use super::nothing::NothingPage;
use super::render;
use crate::charts::Chart;
use crate::console::Shared;
use crate::format::{count, millis, plural};
use crate::frame::{Frame, Page};
use crate::sources::control::Trouble;

/// The variable with the address of the traffic generator.
const VARIABLE: &str = "TRAFFIC_URL";
/// The seconds of the charts; the generator keeps as many.
const SECONDS: usize = 300;
/// The modes that can be asked for.
const MODES: [&str; 5] = ["steady", "burst", "overload", "flash-sale", "pause"];

/// The page.
#[derive(Template)]
#[template(path = "traffic.html")]
struct TrafficPage {
    frame: Frame,
    modes: [&'static str; 5],
    status: Option<Status>,
    facts: Vec<(&'static str, String)>,
    latencies: [(&'static str, String, String); 3],
    charts: Vec<Chart>,
    trouble: Option<Trouble>,
}

/// The part of `GET /traffic` that is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    mode: String,
    rate: f64,
    state: String,
    totals: Totals,
    seconds: Vec<Second>,
    in_doubt: u64,
    ceiling: Option<Ceiling>,
    round: Option<Round>,
    verdict: Option<Verdict>,
    error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Totals {
    counts: Counts,
    orders: Latencies,
    reads: Latencies,
    changes: Latencies,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counts {
    due: u64,
    sent: u64,
    placed: u64,
    done: u64,
    refused: u64,
    throttled: u64,
    unknown: u64,
    unsent: u64,
    late: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Latencies {
    count: u64,
    p50_ms: f64,
    p99_ms: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Second {
    counts: Counts,
    latency: Latencies,
    depth: Depth,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Depth {
    queue: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Ceiling {
    alone_p50_ms: f64,
    per_second: f64,
}

#[derive(Debug, Deserialize)]
struct Round {
    folder: String,
}

impl Round {
    /// The file of its report, from the checkout if it is in there.
    fn report(&self) -> String {
        let folder = self.folder.find(".local/").and_then(|at| self.folder.get(at..));
        format!("{}/report.html", folder.unwrap_or(&self.folder))
    }
}

/// How much was checked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Checked {
    orders: u64,
    replays: u64,
    refusals: u64,
    events: u64,
}

impl Checked {
    fn words(&self) -> String {
        let Self { orders, replays, refusals, events } = *self;
        let counted = |count: u64, thing: &str| plural(count, thing);
        format!(
            "{}, {}, {} and {}",
            counted(orders, "order"),
            counted(replays, "replay"),
            counted(refusals, "refusal"),
            counted(events, "event")
        )
    }
}

#[derive(Debug, Deserialize)]
struct Verdict {
    conclusion: String,
    #[serde(default)]
    checked: Checked,
    findings: Vec<Finding>,
    doubts: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    kind: String,
    count: u64,
    examples: Vec<String>,
}

impl Verdict {
    /// The class of its color.
    fn tone(&self) -> &'static str {
        match self.conclusion.as_str() {
            "clean" => "good",
            "broken" => "bad",
            _ => "warn",
        }
    }

    /// What was found, and what is not known, each with a title.
    fn lists(&self) -> impl Iterator<Item = (&'static str, &Vec<Finding>)> {
        let lists = [("Broken promises", &self.findings), ("Not known", &self.doubts)];
        lists.into_iter().filter(|(_, list)| !list.is_empty())
    }

    /// Its conclusion in words.
    fn words(&self) -> String {
        self.conclusion.replace("cant-tell", "can't tell")
    }
}

impl Status {
    /// The verdict of this round, once it is there; that of the round before is kept until then.
    fn of_this_round(&self) -> Option<&Verdict> {
        self.verdict.as_ref().filter(|_| self.state == "idle")
    }

    /// The conclusion of the round before.
    fn before(&self) -> Option<String> {
        let before = self.verdict.as_ref().filter(|_| self.state != "idle")?;
        Some(format!("{}, of {}", before.words(), before.checked.words()))
    }

    /// What is said while there is no verdict.
    fn without_verdict(&self) -> &'static str {
        match self.state.as_str() {
            "sending" => "None yet: stop and judge.",
            "draining" | "judging" => {
                "On its way. What a fault has held up is tried again within a minute or two."
            }
            _ => "None yet.",
        }
    }

    /// What the generator does.
    fn now(&self) -> String {
        let what = match self.state.as_str() {
            "opening" => "preparing products, and measuring the ceiling of the emulator",
            "draining" => "waiting for queue and outbox",
            "judging" => "checking every order",
            other => other,
        };
        match self.mode.as_str() {
            "pause" if self.state == "sending" => "paused".to_owned(),
            "pause" => what.to_owned(),
            mode => format!("{what}, {mode} at {} a second", self.rate),
        }
    }
}

/// `GET /traffic`
pub(crate) async fn page(State(console): State<Shared>) -> Response {
    let frame = console.frame(Page::Traffic).await;
    let answer = console.sources.control(VARIABLE, Method::GET, "/traffic", None).await;
    let status = answer.and_then(|answer| {
        serde_json::from_value(answer)
            .map_err(|error| Trouble::Failed(format!("Its status can't be read: {error}.")))
    });
    render(&content(frame, status))
}

/// `POST /traffic`: sets mode and rate.
pub(crate) async fn set(State(console): State<Shared>, body: String) -> Response {
    let fields = Fields::parse(&body);
    let Ok(rate) = fields.get("rate").trim().parse::<f64>() else {
        return refused(&console, "The rate must be a number.".to_owned()).await;
    };
    let wanted = json!({ "mode": fields.get("mode"), "rate": rate });
    change(&console, Method::PUT, "/traffic", Some(&wanted)).await
}

/// `POST /traffic/verdict`: stops and judges.
pub(crate) async fn judge(State(console): State<Shared>) -> Response {
    change(&console, Method::POST, "/verdict", None).await
}

async fn change(console: &Shared, method: Method, path: &str, body: Option<&Value>) -> Response {
    match console.sources.control(VARIABLE, method, path, body).await {
        Ok(_) => Redirect::to("/traffic").into_response(),
        Err(Trouble::Failed(why)) => refused(console, why).await,
        Err(Trouble::NotStarted) => refused(console, "Traffic is not running.".to_owned()).await,
    }
}

async fn refused(console: &Shared, why: String) -> Response {
    let frame = console.frame(Page::Traffic).await;
    NothingPage::new(frame, "Nothing was changed", why).render_as(StatusCode::CONFLICT)
}

fn content(frame: Frame, status: Result<Status, Trouble>) -> TrafficPage {
    let (status, trouble) = match status {
        Ok(status) => (Some(status), None),
        Err(trouble) => (None, Some(trouble)),
    };
    let shown = status.as_ref();
    TrafficPage {
        frame,
        modes: MODES,
        facts: shown.map(facts).unwrap_or_default(),
        latencies: shown.map(|it| latencies(&it.totals)).unwrap_or_default(),
        charts: shown.map(|it| charts(&it.seconds)).unwrap_or_default(),
        status,
        trouble,
    }
}

fn facts(status: &Status) -> Vec<(&'static str, String)> {
    let counts = &status.totals.counts;
    let [due, sent, late, unsent] =
        [counts.due, counts.sent, counts.late, counts.unsent].map(count);
    let [refused, throttled, unknown] =
        [counts.refused, counts.throttled, counts.unknown].map(count);
    let mut facts = vec![
        ("Now", status.now()),
        ("Sent", format!("{sent} of {due} that were due; {late} late, {unsent} never")),
        ("Orders placed", count(counts.placed)),
        ("Other successes", count(counts.done)),
        ("Refused", format!("{refused}; throttled {throttled}")),
        (
            "Unknown",
            match status.state.as_str() {
                // All were asked again, or the verdict has a doubt.
                "idle" => unknown,
                _ => format!("{unknown}; still in doubt {}", count(status.in_doubt)),
            },
        ),
    ];
    facts.extend(status.ceiling.as_ref().map(|it| {
        let (alone, most) = (millis(it.alone_p50_ms), it.per_second);
        ("Ceiling", format!("{alone} for a request that does nothing, {most:.0} of them a second"))
    }));
    facts
}

/// p50 and p99 by kind of request.
fn latencies(totals: &Totals) -> [(&'static str, String, String); 3] {
    let shown = |it: &Latencies, ms| if it.count > 0 { millis(ms) } else { "–".to_owned() };
    [
        ("Orders and replays", &totals.orders),
        ("Reads", &totals.reads),
        ("Cancellations, and changes by staff", &totals.changes),
    ]
    .map(|(name, it)| (name, shown(it, it.p50_ms), shown(it, it.p99_ms)))
}

fn charts(seconds: &[Second]) -> Vec<Chart> {
    let chart = |title, value: fn(&Second) -> Option<f64>| {
        Chart::new(title, &seconds.iter().map(value).collect::<Vec<_>>(), SECONDS)
    };
    vec![
        chart("Requests a second", |it| Some(number(it.counts.sent))),
        chart("Orders placed a second", |it| Some(number(it.counts.placed))),
        chart("Refused or throttled", |it| Some(number(it.counts.refused + it.counts.throttled))),
        chart("Unknown outcomes", |it| Some(number(it.counts.unknown))),
        chart("p99 in ms", |it| (it.latency.count > 0).then(|| it.latency.p99_ms.round())),
        chart("Messages in the queue", |it| {
            it.depth.queue.map(|depth| number(depth.try_into().unwrap_or_default()))
        }),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a second has few requests")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::snapshot::Snapshot;

    fn page(status: Result<Status, Trouble>) -> String {
        content(Frame::new(Page::Traffic, &Snapshot::default()), status).render().unwrap()
    }

    #[test]
    fn without_traffic_the_page_says_how_to_start_it() {
        let page = page(Err(Trouble::NotStarted));
        assert!(page.contains("make traffic") && !page.contains("<form"), "{page}");
    }

    #[test]
    fn the_verdict_of_the_round_before_is_not_taken_for_that_of_this_one() {
        let verdict = json!({"conclusion": "clean", "findings": [], "doubts": [],
            "checked": {"orders": 1}});
        let status = json!({"mode": "pause", "state": "judging", "verdict": verdict});
        let page = page(Ok(serde_json::from_value(status).unwrap()));
        assert!(page.contains("On its way.") && !page.contains("id=\"verdict\""), "{page}");
        assert!(page.contains("The round before: clean, of 1 order,"), "{page}");
    }

    #[test]
    fn a_verdict_names_what_was_found() {
        let status = json!({
            "mode": "flash-sale", "rate": 5.0, "state": "idle", "in_doubt": 1,
            "totals": {"counts": {"sent": 1200, "placed": 7}},
            "seconds": [{"counts": {"sent": 9}, "latency": {"count": 9, "p99_ms": 4.2}}],
            "round": {"folder": "/waybill/.local/traffic/20260221", "name": "a", "seed": 1},
            "ceiling": {"request": "GET /health", "alone_p50_ms": 51.0, "parallel": 8, "per_second": 90.0},
            "verdict": {"conclusion": "broken", "doubts": [],
                "checked": {"orders": 722, "replays": 131, "refusals": 60, "events": 1},
                "findings": [{"kind": "lost", "count": 1, "examples": ["order <7>"]}]}});
        let page = page(Ok(serde_json::from_value(status).unwrap()));
        for expected in [
            "<b>broken</b>, of 722 orders, 131 replays, 60 refusals and 1 event",
            "<code>.local/traffic/20260221/report.html</code>",
            "lost",
            "order &#60;7&#62;",
            "1\u{202f}200",
            "51 ms",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(page.contains("value=\"flash-sale\" aria-pressed=\"true\""), "{page}");
    }
}
