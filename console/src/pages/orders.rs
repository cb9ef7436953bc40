//! Orders: search, sort, and what went wrong lately.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::fields::Fields;
use super::log::level;
use super::render;
use crate::collect::kept::Trace;
use crate::collect::line::Level;
use crate::console::Shared;
use crate::format::{clock, date, millis, money};
use crate::frame::{Frame, Page};
use crate::sources::orders::{Found, Search};
use crate::sources::sentence;

/// The most orders that are looked through.
const LOOKED_THROUGH: i64 = 1_000;
/// The most orders, and the most troubles, that are shown.
const SHOWN: usize = 50;

/// The order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Newest,
    Slowest,
    Failed,
}

/// The page.
#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    query: String,
    sort: &'static str,
    rows: Vec<Row>,
    looked_through: usize,
    problem: Option<String>,
    troubles: Vec<Trouble>,
}

/// An order in the list.
#[derive(Debug)]
struct Row {
    id: String,
    number: String,
    status: String,
    email: String,
    total: String,
    placed: String,
    answered: String,
    pending: String,
    trouble: String,
}

/// A trace with a warning, an error or a 5xx.
struct Trouble {
    id: String,
    at: String,
    level: &'static str,
    function: String,
    message: String,
    order_id: Option<String>,
}

/// What the kept lines say about an order's own request.
#[derive(Debug, Clone, Default)]
struct Known {
    answered_ms: Option<f64>,
    error: Option<String>,
}

impl Sort {
    fn parse(text: &str) -> Self {
        match text {
            "slowest" => Self::Slowest,
            "failed" => Self::Failed,
            _ => Self::Newest,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Slowest => "slowest",
            Self::Failed => "failed",
        }
    }
}

/// `GET /orders?q=…&sort=…`
pub(crate) async fn page(State(console): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(&query.unwrap_or_default());
    let (query, sort) = (fields.get("q").trim().to_owned(), Sort::parse(fields.get("sort")));
    let snapshot = console.collector.snapshot().await;
    let found = console.sources.find_orders(&Search::parse(&query), LOOKED_THROUGH).await;
    let (known, troubles) = {
        let kept = console.collector.kept();
        let known = kept.newest_first().filter_map(known).collect::<HashMap<_, _>>();
        (known, kept.newest_first().filter_map(trouble).take(SHOWN).collect())
    };
    let (found, problem) = match found {
        Ok(found) => (found, None),
        Err(error) => (Vec::new(), Some(sentence(&error))),
    };
    let looked_through = found.len();
    render(&OrdersPage {
        frame: Frame::new(Page::Orders, &snapshot),
        query,
        sort: sort.name(),
        rows: rows(found, &known, sort),
        looked_through,
        problem,
        troubles,
    })
}

fn known(trace: &Trace) -> Option<(String, Known)> {
    let id = trace.order_id()?.to_owned();
    let created = trace.lines.iter().filter(|line| line.function == "create-order");
    let answered_ms = created.filter_map(|line| line.answer).map(|(_, ms)| ms).next();
    let error = trace.lines.iter().find(|line| line.level == Level::Error);
    Some((id, Known { answered_ms, error: error.map(|line| line.message.clone()) }))
}

fn trouble(trace: &Trace) -> Option<Trouble> {
    let failed = |status: u16| status >= 500;
    let line = trace.lines.iter().max_by_key(|line| line.level)?;
    let answered_5xx = trace.answer().is_some_and(|(_, status, _)| failed(status));
    if trace.level() == Level::Info && !answered_5xx {
        return None;
    }
    Some(Trouble {
        id: trace.id.clone(),
        at: clock(line.at_ms),
        level: level(line.level),
        function: line.function.clone(),
        message: line.message.clone(),
        order_id: trace.order_id().map(str::to_owned),
    })
}

fn rows(found: Vec<Found>, known: &HashMap<String, Known>, sort: Sort) -> Vec<Row> {
    let mut all: Vec<(Found, Known)> = found
        .into_iter()
        .map(|order| {
            let known = known.get(&order.id.to_string()).cloned().unwrap_or_default();
            (order, known)
        })
        .collect();
    match sort {
        Sort::Newest => {}
        Sort::Slowest => all.sort_by(|(a, _), (b, _)| b.pending_ms.total_cmp(&a.pending_ms)),
        // A stable sort: the newest stays first.
        Sort::Failed => all.sort_by_key(|it| std::cmp::Reverse(has_failed(it))),
    }
    all.into_iter().take(SHOWN).map(row).collect()
}

fn has_failed((order, known): &(Found, Known)) -> bool {
    order.reason.is_some() || known.error.is_some()
}

fn row((order, known): (Found, Known)) -> Row {
    Row {
        id: order.id.to_string(),
        number: order.number,
        total: money(order.total_minor, &order.currency),
        placed: date(order.placed_ms),
        answered: known.answered_ms.map_or_else(|| "–".to_owned(), millis),
        pending: millis(order.pending_ms.max(0.0)),
        trouble: order.reason.or(known.error).unwrap_or_default(),
        status: order.status,
        email: order.email,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn order(id: u128, pending_ms: f64, reason: Option<&str>) -> Found {
        Found {
            id: Uuid::from_u128(id),
            number: format!("ORD-20260221-{id:08X}"),
            status: "pending".to_owned(),
            email: "ada@example.com".to_owned(),
            currency: "EUR".to_owned(),
            total_minor: 2900,
            placed_ms: 1_771_675_200_000,
            pending_ms,
            reason: reason.map(str::to_owned),
        }
    }

    fn numbers(sort: Sort) -> Vec<String> {
        let found = vec![order(3, 5.0, None), order(2, 9.0, None), order(1, 1.0, Some("refused"))];
        let failed = Known { error: Some("order not found".to_owned()), ..Known::default() };
        let known = [(Uuid::from_u128(2).to_string(), failed)].into();
        rows(found, &known, sort).into_iter().map(|row| row.number[13..].to_owned()).collect()
    }

    #[test]
    fn slowest_and_failed_orders_come_first_if_asked_for() {
        assert_eq!(numbers(Sort::Newest), ["00000003", "00000002", "00000001"]);
        assert_eq!(numbers(Sort::Slowest), ["00000002", "00000003", "00000001"]);
        assert_eq!(numbers(Sort::Failed), ["00000002", "00000001", "00000003"]);
    }

    #[test]
    fn names_in_a_page_are_text() {
        let mut found = order(1, 1.0, None);
        found.email = "<script>@example.com".to_owned();
        let page = OrdersPage {
            frame: Frame::new(Page::Orders, &crate::collect::snapshot::Snapshot::default()),
            query: "\"><script>".to_owned(),
            sort: "newest",
            rows: rows(vec![found], &HashMap::new(), Sort::Newest),
            looked_through: 1,
            problem: None,
            troubles: Vec::new(),
        };
        let page = page.render().unwrap();
        assert_eq!(page.matches("<script").count(), 1, "only the console's own: {page}");
    }
}
