//! Stack: the map of the README, live, and the figures of each function.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::faults::active;
use super::map::{EDGES, Edge, Node, functions, parts};
use super::render;
use crate::charts::{Chart, sparkline};
use crate::collect::snapshot::{Function, GAUGES, Gauge, Postgres, Snapshot};
use crate::console::Shared;
use crate::format::{age, count, memory, millis, plural};
use crate::frame::{Frame, Page};

/// The page.
#[derive(Template)]
#[template(path = "stack.html")]
struct StackPage<'a> {
    frame: Frame,
    nodes: Vec<Node>,
    /// The boxes that are no functions.
    parts: Vec<Node>,
    edges: &'a [Edge],
    rows: Vec<Row>,
    charts: Vec<Chart>,
    problems: Vec<String>,
    /// What is broken on request.
    faults: Vec<String>,
    /// What is in the outbox.
    outbox: Option<String>,
}

/// A function in the table.
struct Row {
    name: String,
    invocations: String,
    errors: usize,
    refused: usize,
    p50: String,
    p99: String,
    starts: String,
    processes: usize,
    memory: String,
    line: String,
    words: String,
}

/// `GET /`
pub(crate) async fn page(State(console): State<Shared>) -> Response {
    let (snapshot, faults) = tokio::join!(console.collector.snapshot(), active(&console));
    render(&content(&snapshot, faults))
}

fn content(snapshot: &Snapshot, faults: Vec<String>) -> StackPage<'static> {
    let chart = |title, value: fn(&Gauge) -> Option<f64>| {
        Chart::new(title, &snapshot.gauges.iter().map(value).collect::<Vec<_>>(), GAUGES)
    };
    let problem = |what: &str, error: &str| format!("{what}: {error}");
    let queues = snapshot.queues.as_ref().and_then(|it| it.as_ref().err());
    let postgres = snapshot.postgres.as_ref().and_then(|it| it.as_ref().err());
    StackPage {
        frame: Frame::new(Page::Stack, snapshot),
        nodes: functions(snapshot).into_iter().chain(parts(snapshot)).collect(),
        parts: parts(snapshot),
        edges: &EDGES,
        rows: snapshot.functions.iter().map(row).collect(),
        charts: vec![
            chart("Jobs in the queue", |it| it.jobs),
            chart("Rows in the outbox", |it| it.outbox),
            chart("Events for mail", |it| it.mail),
            chart("Connections to Postgres", |it| it.connections),
        ],
        problems: queues
            .map(|error| problem("Queues", error))
            .into_iter()
            .chain(postgres.map(|error| problem("Postgres", error)))
            .collect(),
        faults,
        outbox: snapshot.postgres.as_ref().and_then(|it| it.as_ref().ok()).map(outbox),
    }
}

/// What is in the outbox, and since when something should have left it.
fn outbox(postgres: &Postgres) -> String {
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    let (jobs, events) = (number(postgres.jobs), number(postgres.events));
    let due = postgres.oldest_s.map(|s| format!("; one has been due for {}", age(s)));
    let (jobs, events) = (plural(jobs, "job"), plural(events, "event"));
    format!("The outbox has {jobs} and {events}{}.", due.unwrap_or_default())
}

fn row(function: &Function) -> Row {
    let Function { name, summary, processes } = function;
    let shown = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), millis);
    let most = summary.points.iter().max().copied().unwrap_or_default();
    Row {
        name: name.clone(),
        invocations: count(summary.invocations as u64),
        errors: summary.errors,
        refused: summary.refused,
        p50: shown(summary.p50),
        p99: shown(summary.p99),
        starts: count(summary.starts),
        processes: processes.count,
        memory: if processes.count > 0 { memory(processes.memory_kib) } else { "–".to_owned() },
        line: sparkline(&summary.points),
        words: format!("{name}: at most {most} invocations in ten seconds, over ten minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::figures::Summary;

    #[test]
    fn a_function_is_a_row_and_a_problem_is_a_sentence() {
        let summary = Summary { invocations: 1_200, p50: Some(3.8), ..Summary::default() };
        let functions =
            vec![Function { name: "create-order".to_owned(), summary, ..Function::default() }];
        let postgres = Some(Err("Postgres does not answer.".to_owned()));
        let snapshot = Snapshot { functions, postgres, ..Snapshot::default() };
        let page = content(&snapshot, vec!["sqs-deaf for 5 s".to_owned()]).render().unwrap();
        assert!(page.contains("Broken on request: sqs-deaf for 5 s"), "{page}");
        assert!(page.contains("create-order") && page.contains("3.8 ms"), "{page}");
        assert!(page.contains("1\u{202f}200"), "{page}");
        assert!(page.contains("Postgres: Postgres does not answer."), "{page}");
    }

    #[test]
    fn the_outbox_says_since_when_something_is_due() {
        let mut postgres = Postgres { jobs: 1, events: 2, ..Postgres::default() };
        assert_eq!(outbox(&postgres), "The outbox has 1 job and 2 events.");
        postgres.oldest_s = Some(9.0);
        assert_eq!(
            outbox(&postgres),
            "The outbox has 1 job and 2 events; one has been due for 9 s."
        );
    }
}
