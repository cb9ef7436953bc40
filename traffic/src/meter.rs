//! Counts and latencies of a run, by second and in all.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::history::{Counts, Depth, Outcome, Percentiles, Request, Second};
use crate::latency::{Latencies, milliseconds};

/// A request that was sent this much after its time is late.
pub(crate) const LATE_US: u64 = 50_000;

/// Everything since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// What came of the requests.
    pub counts: Counts,
    /// Refusals by reason.
    pub refused_by_reason: BTreeMap<String, u64>,
    /// Unknown outcomes by what is known.
    pub unknown_by_reason: BTreeMap<String, u64>,
    /// Latencies of orders and replays.
    pub orders: Percentiles,
    /// Latencies of reads.
    pub reads: Percentiles,
    /// Latencies of cancellations and changes by staff.
    pub changes: Percentiles,
}

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    second: Counts,
    window: Latencies,
    latest_us: u64,
    in_flight: usize,
    totals: Totals,
    orders: Latencies,
    reads: Latencies,
    changes: Latencies,
}

impl Meter {
    /// A request is due.
    pub(crate) fn due(&self) {
        self.state().count(|counts| counts.due += 1);
    }

    /// A request is sent, so long after its time.
    pub(crate) fn sent(&self, late_us: u64) {
        let mut state = self.state();
        state.in_flight += 1;
        state.latest_us = state.latest_us.max(late_us);
        state.count(|counts| {
            counts.sent += 1;
            counts.late += u64::from(late_us > LATE_US);
        });
    }

    /// A request that was sent has its outcome, so long after its time.
    pub(crate) fn answered(&self, request: &Request, outcome: &Outcome, latency_us: u64) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        if outcome.was_sent() {
            state.window.record(latency_us);
            match request {
                Request::Order { .. } | Request::Replay { .. } => &mut state.orders,
                Request::AskAgain { .. } => return,
                Request::ReadOrder { .. }
                | Request::ListOrders { .. }
                | Request::ReadProduct { .. } => &mut state.reads,
                Request::Cancel { .. } | Request::Ship { .. } | Request::Restock { .. } => {
                    &mut state.changes
                }
            }
            .record(latency_us);
        }
        state.outcome(outcome);
    }

    /// A request could not be sent.
    pub(crate) fn not_sent(&self, outcome: &Outcome) {
        self.state().outcome(outcome);
    }

    /// An order was asked for again.
    pub(crate) fn asked_again(&self, outcome: &Outcome) {
        let mut state = self.state();
        state.count(|counts| counts.asked_again += 1);
        // Another unknown outcome of the same order is none of another request.
        if !matches!(outcome, Outcome::Unknown { .. }) {
            state.outcome(outcome);
        }
    }

    /// Ends a second.
    pub(crate) fn tick(&self, at_s: u64, depth: Depth) -> Second {
        let mut state = self.state();
        let second = Second {
            at_s,
            counts: std::mem::take(&mut state.second),
            in_flight: state.in_flight,
            latest_ms: milliseconds(std::mem::take(&mut state.latest_us)),
            latency: state.window.percentiles(),
            depth,
        };
        state.window.clear();
        second
    }

    /// Everything since the start.
    #[must_use]
    pub(crate) fn totals(&self) -> Totals {
        let state = self.state();
        Totals {
            orders: state.orders.percentiles(),
            reads: state.reads.percentiles(),
            changes: state.changes.percentiles(),
            ..state.totals.clone()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, add: impl Fn(&mut Counts)) {
        add(&mut self.second);
        add(&mut self.totals.counts);
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.count(|counts| match outcome {
            Outcome::Placed { replayed: false, .. } => counts.placed += 1,
            Outcome::Placed { .. } | Outcome::Done => counts.done += 1,
            Outcome::Refused { .. } => counts.refused += 1,
            Outcome::Throttled => counts.throttled += 1,
            Outcome::Unknown { .. } => counts.unknown += 1,
            Outcome::Unsent => counts.unsent += 1,
            Outcome::Skipped => counts.skipped += 1,
        });
        match outcome {
            Outcome::Refused { reason, .. } => {
                *self.totals.refused_by_reason.entry(reason.clone()).or_default() += 1;
            }
            Outcome::Unknown { why } => {
                *self.totals.unknown_by_reason.entry(why.clone()).or_default() += 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_its_own_counts_and_the_totals_have_all() {
        let meter = Meter::default();
        let request = Request::ReadOrder { order: 1 };
        for second in 0..2 {
            meter.due();
            meter.sent(LATE_US + 1);
            meter.answered(&request, &Outcome::Done, 20_000);
            meter.due();
            meter.not_sent(&Outcome::Unsent);
            let found = meter.tick(second, Depth::default());
            let expected =
                Counts { due: 2, sent: 1, done: 1, unsent: 1, late: 1, ..Counts::default() };
            assert_eq!(found.counts, expected);
            assert_eq!((found.latency.count, found.in_flight), (1, 0));
        }
        let totals = meter.totals();
        assert_eq!((totals.counts.due, totals.counts.unsent), (4, 2));
        assert_eq!((totals.reads.count, totals.orders.count), (2, 0));
    }

    #[test]
    fn refusals_are_counted_by_reason() {
        let meter = Meter::default();
        let refused = Outcome::Refused {
            status: 409,
            reason: "insufficient-stock".to_owned(),
            available: vec![],
        };
        meter.sent(0);
        meter.answered(&Request::Replay { order: 1 }, &refused, 1_000);
        let totals = meter.totals();
        assert_eq!(totals.refused_by_reason["insufficient-stock"], 1);
        assert_eq!(totals.orders.count, 1);
    }
}
