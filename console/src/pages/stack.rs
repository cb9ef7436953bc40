//! Stack: the map of the README, live, and the figures of each function.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::map::{EDGES, Edge, Node, functions, parts};
use super::render;
use crate::charts::{Chart, sparkline};
use crate::collect::snapshot::{Function, GAUGES, Gauge, Snapshot};
use crate::console::Shared;
use crate::format::{age, count, memory, millis};
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
    outbox_age: Option<String>,
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
    let snapshot = console.collector.snapshot().await;
    render(&content(&snapshot))
}

fn content(snapshot: &Snapshot) -> StackPage<'static> {
    let chart = |title, value: fn(&Gauge) -> Option<f64>| {
        Chart::new(title, &snapshot.gauges.iter().map(value).collect::<Vec<_>>(), GAUGES)
    };
    let problem = |what: &str, error: &str| format!("{what}: {error}");
    let queues = snapshot.queues.as_ref().and_then(|it| it.as_ref().err());
    let postgres = snapshot.postgres.as_ref().and_then(|it| it.as_ref().err());
    let oldest = snapshot.postgres.as_ref().and_then(|it| it.as_ref().ok()?.oldest_s);
    StackPage {
        frame: Frame::new(Page::Stack, snapshot),
        nodes: functions(snapshot).into_iter().chain(parts(snapshot)).collect(),
        parts: parts(snapshot),
        edges: &EDGES,
        rows: snapshot.functions.iter().map(row).collect(),
        charts: vec![
            chart("Messages in the queue", |it| it.depth),
            chart("Rows in the outbox", |it| it.outbox),
            chart("Connections to Postgres", |it| it.connections),
        ],
        problems: queues
            .map(|error| problem("Queues", error))
            .into_iter()
            .chain(postgres.map(|error| problem("Postgres", error)))
            .collect(),
        outbox_age: oldest.map(age),
    }
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
        let page =
            content(&Snapshot { functions, postgres, ..Snapshot::default() }).render().unwrap();
        assert!(page.contains("create-order") && page.contains("3.8 ms"), "{page}");
        assert!(page.contains("1\u{202f}200"), "{page}");
        assert!(page.contains("Postgres: Postgres does not answer."), "{page}");
    }
}
