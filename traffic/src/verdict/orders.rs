//! Every order is there once, has the status that its answers promised, and is not stuck.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::books::{Books, Sent};
use super::{Checked, Notes};
use crate::history::ObservedOrder;

pub(super) fn check(books: &Books<'_>, notes: &mut Notes, checked: &mut Checked) {
    let mut known = BTreeSet::new();
    for (&number, sent) in &books.orders {
        if sent.is_unresolved() {
            notes.doubt("unresolved", format!("order {number} was never answered"));
        }
        let Some(first) = sent.answers().next() else { continue };
        checked.orders += 1;
        let ids: BTreeSet<_> = sent.answers().map(|answer| answer.id).collect();
        if ids.len() > 1 {
            notes.finding("doubled", format!("order {number} was placed under one key as {ids:?}"));
        }
        known.extend(ids);
        match books.found.get(&first.id) {
            None => notes.finding(
                "lost",
                format!(
                    "order {number}, {}, was placed, and the service does not have it",
                    first.id
                ),
            ),
            Some(found) => as_answered(number, sent, found, first.body, notes),
        }
    }
    if checked.orders == 0 {
        notes.doubt("nothing-placed", "no order was placed, so nothing was checked");
    }
    for order in books.observed.orders.iter().filter(|order| !known.contains(&order.id)) {
        stranger(books, order, notes);
    }
    stuck(books, &known, notes);
}

/// Checks an order against the answers about it.
fn as_answered(number: u64, sent: &Sent<'_>, found: &ObservedOrder, body: &str, notes: &mut Notes) {
    let id = found.id;
    let total = serde_json::from_str::<Value>(body).ok();
    let total = total.as_ref().and_then(|body| body.get("total_minor")).and_then(Value::as_i64);
    if found.customer != sent.customer || total != Some(found.total_minor) {
        notes.finding(
            "changed",
            format!("order {number}, {id}, has another customer or total than its answer"),
        );
    }
    let status = found.status.as_str();
    let (canceled, shipped) = (status == "cancelled", ["shipped", "delivered"].contains(&status));
    for (calls, is_so, what) in
        [(&sent.cancels, canceled, "canceled"), (&sent.ships, shipped, "shipped")]
    {
        if Sent::succeeded(calls) && !is_so {
            notes.finding(
                "change-lost",
                format!("order {number}, {id}, was {what}, and is {status}"),
            );
        }
        if is_so && calls.is_empty() {
            notes.finding(
                "changed",
                format!("order {number}, {id}, is {status}; nobody asked for it"),
            );
        }
    }
}

/// Names an order that no answer has shown.
fn stranger(books: &Books<'_>, order: &ObservedOrder, notes: &mut Notes) {
    let ObservedOrder { id, customer, correlation_id, .. } = order;
    let number = books.by_correlation(order);
    match number.and_then(|number| books.orders.get(&number)) {
        Some(sent) if sent.answers().next().is_some() => notes.finding(
            "doubled",
            format!("{id} is a second order of the request {correlation_id:?}"),
        ),
        // It is known already that nobody knows.
        Some(sent) if sent.is_unresolved() => {}
        Some(_) => notes.finding(
            "placed-after-refusal",
            format!("{id} exists although its request {correlation_id:?} was refused or not sent"),
        ),
        None => notes.finding(
            "unknown-order",
            format!("{id} of customer {customer} was placed by no request of this history"),
        ),
    }
}

fn stuck(books: &Books<'_>, known: &BTreeSet<Uuid>, notes: &mut Notes) {
    for id in known.iter().filter(|id| books.status(**id) == Some("pending")) {
        notes.finding("stuck", format!("order {id} is still pending"));
    }
    for id in &books.observed.in_outbox {
        notes.finding("stuck", format!("order {id} has a message in the outbox"));
    }
    if let Some(left) = &books.observed.not_drained {
        notes.finding("stuck", format!("after the longest wait there were {left}"));
    }
}
