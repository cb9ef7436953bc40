//! The calls of a history, ordered by the orders that they are about.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::history::{Call, History, Observed, ObservedOrder, OrderLine, Outcome, Request};

/// A history, prepared for the checks.
pub(super) struct Books<'a> {
    pub(super) history: &'a History,
    pub(super) observed: &'a Observed,
    /// The orders that were sent, by number.
    pub(super) orders: BTreeMap<u64, Sent<'a>>,
    /// The orders that the service has, by id.
    pub(super) found: HashMap<Uuid, &'a ObservedOrder>,
}

/// An order that was sent, with all calls about it.
#[derive(Default)]
pub(super) struct Sent<'a> {
    pub(super) customer: usize,
    pub(super) lines: &'a [OrderLine],
    /// The requests that would place it.
    pub(super) attempts: Vec<&'a Call>,
    /// Cancellations.
    pub(super) cancels: Vec<&'a Call>,
    /// Shipments.
    pub(super) ships: Vec<&'a Call>,
}

/// An answer that shows an order.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) id: Uuid,
    pub(super) replayed: bool,
    pub(super) body: &'a str,
    pub(super) at_us: u64,
}

impl<'a> Books<'a> {
    pub(super) fn new(history: &'a History, observed: &'a Observed) -> Self {
        let mut orders = BTreeMap::<u64, Sent<'a>>::new();
        // A replay can be answered before the first request.
        for call in &history.calls {
            if let Request::Order { order, customer, lines } = &call.request {
                let sent = orders.entry(*order).or_default();
                (sent.customer, sent.lines) = (*customer, lines);
            }
        }
        for call in history.calls.iter().filter(|call| call.outcome.was_sent()) {
            match call.request {
                Request::Cancel { order } => orders.entry(order).or_default().cancels.push(call),
                Request::Ship { order } => orders.entry(order).or_default().ships.push(call),
                _ => {
                    if let Some(order) = call.request.places() {
                        orders.entry(order).or_default().attempts.push(call);
                    }
                }
            }
        }
        let found = observed.orders.iter().map(|order| (order.id, order)).collect();
        Self { history, observed, orders, found }
    }

    /// The order of the history that the service shows as `id`: by its answers, or by the correlation
    /// id that the service kept.
    pub(super) fn by_correlation(&self, order: &ObservedOrder) -> Option<u64> {
        self.history.run.order_of(order.correlation_id.as_deref()?)
    }

    /// The orders that exist or existed by an answer, or are found although no answer says so: number,
    /// order, and its id.
    pub(super) fn placed(&self) -> Vec<(u64, &Sent<'a>, Uuid)> {
        let by_answer = self
            .orders
            .iter()
            .filter_map(|(number, sent)| Some((*number, sent, sent.answers().next()?.id)));
        let unanswered = self.observed.orders.iter().filter_map(|order| {
            let number = self.by_correlation(order)?;
            let sent = self.orders.get(&number)?;
            sent.answers().next().is_none().then_some((number, sent, order.id))
        });
        by_answer.chain(unanswered).collect()
    }

    /// The status that the service shows for an order.
    pub(super) fn status(&self, id: Uuid) -> Option<&str> {
        self.found.get(&id).map(|order| order.status.as_str())
    }
}

impl<'a> Sent<'a> {
    /// The answers that show the order, in the order they came.
    pub(super) fn answers(&self) -> impl Iterator<Item = Answer<'a>> {
        self.attempts.iter().filter_map(|call| match &call.outcome {
            Outcome::Placed { id, replayed, body } => {
                Some(Answer { id: *id, replayed: *replayed, body, at_us: call.answered_us })
            }
            _ => None,
        })
    }

    /// Whether it stayed unknown what became of the order: no answer shows it, and after an unknown
    /// outcome no answer came to a later request.
    pub(super) fn is_unresolved(&self) -> bool {
        let is_unknown = |call: &&&Call| matches!(call.outcome, Outcome::Unknown { .. });
        self.answers().next().is_none()
            && self.attempts.iter().filter(is_unknown).any(|unknown| {
                let answered =
                    |later: &&Call| !is_unknown(&later) && later.sent_us >= unknown.answered_us;
                !self.attempts.iter().any(answered)
            })
    }

    /// When the first request for it was sent.
    pub(super) fn first_sent(&self) -> u64 {
        self.attempts.iter().map(|call| call.sent_us).min().unwrap_or(u64::MAX)
    }

    /// Whether a call of this list was answered with success.
    pub(super) fn succeeded(calls: &[&Call]) -> bool {
        calls.iter().any(|call| call.outcome == Outcome::Done)
    }
}
