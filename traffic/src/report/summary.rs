use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::growth::{self, Growth};
use crate::history::{Ceiling, Counts, History, Outcome, Percentiles, Request, Strike};
use crate::latency::Latencies;

/// The figures of a whole run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// From the first to the last call, in seconds.
    pub seconds: f64,
    /// Requests by outcome.
    pub counts: Counts,
    /// Refusals by reason.
    pub refused: BTreeMap<String, u64>,
    /// Unknown outcomes by what is known.
    pub unknown: BTreeMap<String, u64>,
    /// Orders placed in a second, on average.
    pub placed_per_second: f64,
    /// Requests answered in a second, on average.
    pub answered_per_second: f64,
    /// The latency of orders and replays.
    pub orders: Percentiles,
    /// The latency of everything else.
    pub others: Percentiles,
    /// How long queue and outbox took to empty, in milliseconds.
    pub drained_ms: Option<u64>,
    /// What the gateway does without the service.
    pub ceiling: Option<Ceiling>,
    /// Faults during the run.
    pub faults: Vec<Strike>,
    /// The most connections to Postgres, after a run that watched them.
    pub most_connections: Option<i64>,
    /// What processes used early and late, after a run that watched them.
    pub growth: Vec<Growth>,
}

/// Adds up a history.
#[must_use]
pub fn summarize(history: &History) -> Summary {
    let mut counts = Counts::default();
    let (mut refused, mut unknown) = (BTreeMap::new(), BTreeMap::new());
    let (mut orders, mut others) = (Latencies::default(), Latencies::default());
    let (mut from_us, mut to_us) = (u64::MAX, 0);
    for call in &history.calls {
        let asked_again = matches!(call.request, Request::AskAgain { .. });
        if asked_again {
            counts.asked_again += 1;
        } else {
            counts.due += 1;
            counts.sent += u64::from(call.outcome.was_sent());
            let late_us = call.sent_us.saturating_sub(call.intended_us);
            counts.late += u64::from(late_us > crate::meter::LATE_US);
        }
        match &call.outcome {
            Outcome::Placed { replayed: false, .. } => counts.placed += 1,
            Outcome::Placed { .. } | Outcome::Done => counts.done += 1,
            Outcome::Refused { reason, .. } => {
                counts.refused += 1;
                *refused.entry(reason.clone()).or_default() += 1;
            }
            Outcome::Throttled => counts.throttled += 1,
            Outcome::Unknown { .. } if asked_again => {}
            Outcome::Unknown { why } => {
                counts.unknown += 1;
                *unknown.entry(why.clone()).or_default() += 1;
            }
            Outcome::Unsent => counts.unsent += 1,
            Outcome::Skipped => counts.skipped += 1,
        }
        (from_us, to_us) = (from_us.min(call.intended_us), to_us.max(call.answered_us));
        if call.outcome.was_sent() && !asked_again {
            let which = if call.request.places().is_some() { &mut orders } else { &mut others };
            which.record(call.answered_us.saturating_sub(call.intended_us));
        }
    }
    let seconds = crate::latency::milliseconds(to_us.saturating_sub(from_us)) / 1e3;
    let (orders, others) = (orders.percentiles(), others.percentiles());
    let rate = |count: u64| if seconds > 0.0 { as_float(count) / seconds } else { 0.0 };
    Summary {
        seconds,
        counts,
        refused,
        unknown,
        placed_per_second: rate(counts.placed),
        answered_per_second: rate(orders.count + others.count),
        orders,
        others,
        drained_ms: history.observed.as_ref().map(|observed| observed.drained_ms),
        ceiling: history.run.ceiling.clone(),
        faults: history.faults.clone(),
        most_connections: history.usage.iter().map(|usage| usage.connections).max(),
        growth: growth::of(&history.usage),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counts, orders, others, .. } = self;
        writeln!(
            f,
            "{:.0} s, {} requests due, {} sent, {} late; {:.1} answers/s, {:.1} orders placed/s",
            self.seconds,
            counts.due,
            counts.sent,
            counts.late,
            self.answered_per_second,
            self.placed_per_second
        )?;
        writeln!(
            f,
            "  orders placed {}, other successes {}, refused {}, throttled {}, unknown {} (asked again \
             {}), unsent {}, skipped {}",
            counts.placed,
            counts.done,
            counts.refused,
            counts.throttled,
            counts.unknown,
            counts.asked_again,
            counts.unsent,
            counts.skipped
        )?;
        for (what, found) in [("orders and replays", orders), ("other requests", others)] {
            writeln!(
                f,
                "  {what}: p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms, from the intended time",
                found.p50_ms, found.p99_ms, found.max_ms
            )?;
        }
        match &self.ceiling {
            Some(it) => write!(
                f,
                "  the gateway alone ({}): p50 {:.0} ms, {:.0} answers/s with {} in flight",
                it.request, it.alone_p50_ms, it.per_second, it.parallel
            ),
            None => write!(f, "  the gateway alone was not measured"),
        }?;
        for (number, fault) in (1..).zip(&self.faults) {
            write!(f, "\n  fault {number}: {fault}")?;
        }
        if let Some(connections) = self.most_connections {
            write!(f, "\n  at most {connections} connections to Postgres")?;
        }
        self.growth.iter().try_for_each(|growth| write!(f, "\n  {growth}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    #[test]
    fn every_call_is_counted_once() {
        let history = sample::clean();
        let summary = summarize(&history);
        let Counts {
            due,
            sent,
            placed,
            done,
            refused,
            throttled,
            unknown,
            unsent,
            asked_again,
            ..
        } = summary.counts;
        assert_eq!((due, sent, unsent, asked_again), (11, 10, 1, 1));
        assert_eq!((placed, refused, throttled, unknown), (2, 1, 1, 1));
        assert_eq!(done, 6);
        assert_eq!(summary.refused["insufficient-stock"], 1);
        assert_eq!((summary.orders.count, summary.others.count), (6, 4));
    }
}
