//! The progress in the terminal: one line a second.

use std::fmt::Write as _;

use crate::history::Second;
use crate::mode::Mode;

/// One line about a second.
#[must_use]
pub fn line(mode: Mode, second: &Second) -> String {
    let Second { at_s, counts, in_flight, latest_ms, latency, .. } = second;
    let depth = |depth: Option<i64>| depth.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let mut line = format!(
        "{at_s:>4} s {mode:<10} due {:>4} sent {:>4} placed {:>4}  p50 {:>5.0} ms p99 {:>5.0} ms  \
         in flight {in_flight:>3}  queue {:>3} outbox {:>3}",
        counts.due,
        counts.sent,
        counts.placed,
        latency.p50_ms,
        latency.p99_ms,
        depth(second.depth.queue),
        depth(second.depth.outbox),
    );
    for (count, what) in [
        (counts.refused, "refused"),
        (counts.throttled, "throttled"),
        (counts.unknown, "unknown"),
        (counts.asked_again, "asked again"),
        (counts.unsent, "unsent"),
    ] {
        if count > 0 {
            let _ = write!(line, "  {what} {count}");
        }
    }
    if counts.late > 0 {
        let _ = write!(line, "  late {} (by up to {latest_ms:.0} ms)", counts.late);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Counts, Depth};

    #[test]
    fn a_line_has_rates_latencies_and_depths_and_what_else_there_was() {
        let second = Second {
            at_s: 12,
            counts: Counts { due: 9, sent: 8, placed: 5, unsent: 1, ..Counts::default() },
            depth: Depth { queue: Some(3), outbox: None },
            ..Second::default()
        };
        let line = line(Mode::FlashSale, &second);
        for part in
            ["12 s flash-sale", "due    9", "placed    5", "queue   3", "outbox   ?", "unsent 1"]
        {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains("late") && !line.contains("throttled"), "{line}");
    }
}
