//! One order: what it is, what happened to it, and the log lines about it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::nothing::NothingPage;
use super::render;
use super::story::{Waterfall, waterfall};
use crate::collect::kept::Trace;
use crate::console::Shared;
use crate::format::{clock, date, money};
use crate::frame::{Frame, Page};
use crate::sources::orders::{Item, Mailed, Order, Step, Waiting};
use crate::sources::sentence;

/// The page.
#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    order: Order,
    total: String,
    placed: String,
    items: Vec<ItemRow>,
    history: Vec<StepRow>,
    outbox: Vec<String>,
    mails: Vec<String>,
    waterfall: Option<Waterfall>,
    missing: Vec<String>,
}

struct ItemRow {
    name: String,
    product_id: Uuid,
    quantity: i64,
    unit_price: String,
    line_total: String,
}

struct StepRow {
    at: String,
    what: String,
    actor: String,
    correlation_id: String,
    reason: Option<String>,
}

/// `GET /orders/{id}`
pub(crate) async fn page(State(console): State<Shared>, Path(id): Path<String>) -> Response {
    let snapshot = console.collector.snapshot().await;
    let frame = Frame::new(Page::Orders, &snapshot);
    let nothing =
        |frame, status, why| NothingPage::new(frame, "No such order", why).render_as(status);
    let Ok(id) = id.parse::<Uuid>() else {
        let why = "An order's id is a UUID. Search for its number instead.".to_owned();
        return nothing(frame, StatusCode::NOT_FOUND, why);
    };
    match console.sources.order(id).await {
        Ok(Some(order)) => {
            let requests = requests(&order.history);
            let traces = console.collector.kept().of_order(&id.to_string(), &requests);
            render(&content(frame, order, &requests, &traces))
        }
        Ok(None) => {
            nothing(frame, StatusCode::NOT_FOUND, format!("The database has no order {id}."))
        }
        Err(error) => nothing(frame, StatusCode::SERVICE_UNAVAILABLE, sentence(&error)),
    }
}

/// The requests behind the changes of an order, each once, in their order.
fn requests(history: &[Step]) -> Vec<String> {
    let mut ids = Vec::new();
    for step in history {
        if !ids.contains(&step.correlation_id) {
            ids.push(step.correlation_id.clone());
        }
    }
    ids
}

fn content(frame: Frame, order: Order, requests: &[String], traces: &[Trace]) -> OrderPage {
    let is_kept = |id: &&String| traces.iter().any(|trace| trace.id == **id);
    OrderPage {
        frame,
        total: money(order.total_minor, &order.currency),
        placed: date(order.placed_ms),
        items: order.items.iter().map(|item| item_row(item, &order.currency)).collect(),
        history: order.history.iter().map(step_row).collect(),
        outbox: order.outbox.iter().map(waiting).collect(),
        mails: order.mails.iter().map(mailed).collect(),
        missing: requests.iter().filter(|id| !is_kept(id)).cloned().collect(),
        waterfall: waterfall(&order.id.to_string(), traces),
        order,
    }
}

fn waiting(it: &Waiting) -> String {
    let tries = if it.attempts == 1 { "try" } else { "tries" };
    let due =
        it.due_ms.map_or_else(|| "never due".to_owned(), |ms| format!("due at {}", clock(ms)));
    format!("{} after {} {tries}, {due}", it.kind, it.attempts)
}

fn mailed(it: &Mailed) -> String {
    let outcome = match it.outcome.as_deref() {
        Some("sent") => "sent",
        Some("refused") => "refused by SES",
        Some("no_address") => "not sent, for want of an address",
        Some(other) => other,
        None => "being sent",
    };
    let at = it.settled_ms.map(|ms| format!(" at {}", clock(ms))).unwrap_or_default();
    format!("{} {outcome}{at}", it.event)
}

fn item_row(item: &Item, currency: &str) -> ItemRow {
    ItemRow {
        name: item.name.clone(),
        product_id: item.product_id,
        quantity: item.quantity,
        unit_price: money(item.unit_price_minor, currency),
        line_total: money(item.unit_price_minor.saturating_mul(item.quantity), currency),
    }
}

fn step_row(step: &Step) -> StepRow {
    StepRow {
        at: clock(step.at_ms),
        what: match &step.from {
            None => format!("placed, {}", step.to),
            Some(from) if *from == step.to => format!("still {}", step.to),
            Some(from) => format!("{from} → {}", step.to),
        },
        actor: step.actor.clone(),
        correlation_id: step.correlation_id.clone(),
        reason: step.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::snapshot::Snapshot;

    fn step(from: Option<&str>, to: &str, correlation_id: &str) -> Step {
        Step {
            from: from.map(str::to_owned),
            to: to.to_owned(),
            at_ms: 1_771_675_200_500,
            actor: "ada".to_owned(),
            correlation_id: correlation_id.to_owned(),
            reason: None,
        }
    }

    fn order() -> Order {
        Order {
            id: Uuid::from_u128(7),
            number: "ORD-20260221-6BA0A415".to_owned(),
            owner: "ada".to_owned(),
            status: "confirmed".to_owned(),
            name: "Ada <Lovelace>".to_owned(),
            email: "ada@example.com".to_owned(),
            currency: "EUR".to_owned(),
            total_minor: 2900,
            version: 2,
            placed_ms: 1_771_675_200_000,
            items: vec![Item {
                product_id: Uuid::from_u128(1),
                name: "Notebook".to_owned(),
                unit_price_minor: 1450,
                quantity: 2,
            }],
            history: vec![step(None, "pending", "c-1"), step(Some("pending"), "confirmed", "c-1")],
            outbox: Vec::new(),
            mails: vec![Mailed {
                event: "OrderPlaced".to_owned(),
                outcome: Some("sent".to_owned()),
                settled_ms: Some(1_771_675_201_000),
                reason: None,
            }],
        }
    }

    #[test]
    fn an_order_is_shown_with_items_and_history_as_text() {
        let frame = Frame::new(Page::Orders, &Snapshot::default());
        let page = content(frame, order(), &["c-1".to_owned()], &[]).render().unwrap();
        for expected in [
            "ORD-20260221-6BA0A415",
            "29.00 EUR",
            "pending → confirmed",
            "Ada &#60;Lovelace&#62;",
            "OrderPlaced sent at 12:00:01",
            "/mail?q=ORD-20260221-6BA0A415",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(page.contains("not kept any more"), "{page}");
    }

    #[test]
    fn each_request_is_looked_up_once() {
        let history = [step(None, "pending", "a"), step(None, "x", "b"), step(None, "y", "a")];
        assert_eq!(requests(&history), ["a", "b"]);
    }
}
