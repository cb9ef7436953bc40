//! The log lines that are kept, by trace: everything with one correlation id.
//!
//! What is too much or too old leaves whole traces at a time. The function with the most lines loses
//! its oldest trace first, so that a busy function doesn't displace the others.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::line::{Level, Line, Spans};

/// The most lines that are kept. A line takes about half a kilobyte.
pub(crate) const MOST_LINES: usize = 20_000;
/// The most lines of one trace: a client may use the same correlation id for everything.
pub(crate) const MOST_LINES_OF_A_TRACE: usize = 500;
/// How long a trace is kept after its last line.
pub(crate) const KEPT_MINUTES: i64 = 30;

/// The lines of one correlation id; of one invocation, if there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    /// The correlation id, or the id of the invocation.
    pub(crate) id: String,
    /// By time.
    pub(crate) lines: Vec<Line>,
    /// The lines with spans, each with its function, in the order in which they came.
    pub(crate) spans: Vec<(String, Arc<str>)>,
    /// When the newest was written, in milliseconds since 1970.
    newest_ms: i64,
    /// Lines that were left out because there were too many.
    pub(crate) left_out: usize,
}

/// The kept traces.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Oldest first.
    traces: BTreeMap<u64, Trace>,
    by_id: HashMap<String, u64>,
    next: u64,
    by_function: BTreeMap<String, usize>,
    lines: usize,
    most: usize,
    evicted_lines: u64,
    evicted_traces: u64,
}

/// What is kept, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Kept lines.
    pub(crate) lines: usize,
    /// Kept traces.
    pub(crate) traces: usize,
    /// Lines that had to leave.
    pub(crate) evicted_lines: u64,
    /// Traces that had to leave.
    pub(crate) evicted_traces: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self::with_most(MOST_LINES)
    }
}

impl Kept {
    /// Nothing yet, and at most this many lines later.
    pub(crate) fn with_most(most: usize) -> Self {
        Self {
            traces: BTreeMap::new(),
            by_id: HashMap::new(),
            next: 0,
            by_function: BTreeMap::new(),
            lines: 0,
            most,
            evicted_lines: 0,
            evicted_traces: 0,
        }
    }

    /// Keeps a line. Lines of neither a request nor an invocation are dropped.
    pub(crate) fn add(&mut self, line: Line) {
        let Some(id) = line.correlation_id.clone().or_else(|| line.request_id.clone()) else {
            return;
        };
        let (function, at_ms) = (line.function.clone(), line.at_ms);
        self.extend(id, &function, at_ms, |trace| {
            let place = trace.lines.partition_point(|it| it.at_ms <= line.at_ms);
            trace.lines.insert(place, line);
        });
    }

    /// Keeps the spans of an invocation with each request that they belong to.
    pub(crate) fn add_spans(&mut self, function: &str, spans: &Spans) {
        for id in &spans.correlation_ids {
            self.extend(id.clone(), function, spans.at_ms, |trace| {
                trace.spans.push((function.to_owned(), Arc::clone(&spans.raw)));
            });
        }
    }

    /// Adds a line of a function to a trace, unless the trace has too many, and makes room for it.
    fn extend(&mut self, id: String, function: &str, at_ms: i64, add: impl FnOnce(&mut Trace)) {
        let number = *self.by_id.entry(id.clone()).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        let trace = self.traces.entry(number).or_insert_with(|| Trace { id, ..Trace::default() });
        if trace.len() >= MOST_LINES_OF_A_TRACE {
            trace.left_out += 1;
            return;
        }
        trace.newest_ms = trace.newest_ms.max(at_ms);
        add(trace);
        *self.by_function.entry(function.to_owned()).or_default() += 1;
        self.lines += 1;
        while self.lines > self.most {
            self.evict_for_room();
        }
    }

    /// Drops traces whose last line is older than [`KEPT_MINUTES`].
    pub(crate) fn forget_old(&mut self, now_ms: i64) {
        let limit = now_ms - KEPT_MINUTES * 60_000;
        let old = self.traces.iter().filter(|(_, trace)| trace.newest_ms < limit);
        let old: Vec<u64> = old.map(|(number, _)| *number).collect();
        for number in old {
            self.remove(number);
        }
    }

    /// The traces of an order: those of these requests, and others that name it.
    pub(crate) fn of_order(&self, order_id: &str, requests: &[String]) -> Vec<Trace> {
        let is_of = |trace: &&Trace| {
            requests.contains(&trace.id)
                || trace.lines.iter().any(|line| line.order_id.as_deref() == Some(order_id))
        };
        self.traces.values().filter(is_of).cloned().collect()
    }

    /// The trace with this id.
    pub(crate) fn trace(&self, id: &str) -> Option<&Trace> {
        self.traces.get(self.by_id.get(id)?)
    }

    /// All traces, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Trace> {
        self.traces.values().rev()
    }

    /// What is kept, in numbers.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            lines: self.lines,
            traces: self.traces.len(),
            evicted_lines: self.evicted_lines,
            evicted_traces: self.evicted_traces,
        }
    }

    fn evict_for_room(&mut self) {
        let Some((busiest, _)) = self.by_function.iter().max_by_key(|(_, lines)| **lines) else {
            return;
        };
        let oldest =
            self.traces.iter().find(|(_, trace)| trace.functions().any(|it| it == busiest));
        if let Some(number) = oldest.map(|(number, _)| *number) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(trace) = self.traces.remove(&number) else { return };
        self.by_id.remove(&trace.id);
        self.lines -= trace.len();
        self.evicted_lines += trace.len() as u64;
        self.evicted_traces += 1;
        for function in trace.functions() {
            if let Some(lines) = self.by_function.get_mut(function) {
                *lines -= 1;
            }
        }
    }
}

impl Trace {
    /// How many lines it has.
    fn len(&self) -> usize {
        self.lines.len() + self.spans.len()
    }

    /// The function of each line.
    fn functions(&self) -> impl Iterator<Item = &String> {
        let lines = self.lines.iter().map(|line| &line.function);
        lines.chain(self.spans.iter().map(|(function, _)| function))
    }

    /// Its lines as they were written.
    pub(crate) fn raw(&self) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().map(|line| line.raw.as_str());
        lines.chain(self.spans.iter().map(|(_, raw)| &**raw))
    }

    /// The worst level of its lines.
    pub(crate) fn level(&self) -> Level {
        self.lines.iter().map(|line| line.level).max().unwrap_or(Level::Info)
    }

    /// The order that its lines name.
    pub(crate) fn order_id(&self) -> Option<&str> {
        self.lines.iter().find_map(|line| line.order_id.as_deref())
    }

    /// The answer of its first request: the function, the status, and the milliseconds.
    pub(crate) fn answer(&self) -> Option<(&str, u16, f64)> {
        self.lines.iter().find_map(|line| {
            let (status, ms) = line.answer?;
            Some((line.function.as_str(), status, ms))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::line;
    use super::*;

    fn ids(kept: &Kept) -> Vec<&str> {
        kept.newest_first().map(|trace| trace.id.as_str()).collect()
    }

    #[test]
    fn lines_of_a_trace_are_together_and_in_order_however_they_come() {
        let mut kept = Kept::default();
        for (function, id, at_ms) in [
            ("create-order", "a", 1),
            ("get-order", "b", 2),
            ("fulfill-order", "a", 9),
            ("x", "a", 5),
        ] {
            kept.add(line(function, id, at_ms));
        }
        let times: Vec<_> = kept.trace("a").unwrap().lines.iter().map(|line| line.at_ms).collect();
        assert_eq!(times, [1, 5, 9]);
        assert_eq!(kept.totals(), Totals { lines: 4, traces: 2, ..Totals::default() });
    }

    #[test]
    fn the_busiest_function_loses_its_oldest_trace_whole() {
        let mut kept = Kept::with_most(6);
        kept.add(line("relay-outbox", "rare", 0));
        for id in ["a", "b", "c"] {
            kept.add(line("create-order", id, 1));
            kept.add(line("fulfill-order", id, 2));
        }
        assert_eq!(ids(&kept), ["c", "b", "rare"], "the oldest trace is of a rare function");
        let totals = kept.totals();
        assert_eq!((totals.lines, totals.evicted_lines, totals.evicted_traces), (5, 2, 1));
    }

    #[test]
    fn never_more_lines_than_allowed() {
        let mut kept = Kept::with_most(50);
        for number in 0..1_000_u32 {
            kept.add(line(["a", "b", "c"][number as usize % 3], &(number / 4).to_string(), 1));
            assert!(kept.totals().lines <= 50);
        }
        assert_eq!(kept.totals().lines as u64 + kept.totals().evicted_lines, 1_000);
        assert_eq!(kept.by_id.len(), kept.traces.len());
    }

    #[test]
    fn a_trace_that_everything_belongs_to_has_a_limit() {
        let mut kept = Kept::default();
        for number in 0..MOST_LINES_OF_A_TRACE + 3 {
            kept.add(line("create-order", "same", i64::try_from(number).unwrap()));
        }
        let trace = kept.trace("same").unwrap();
        assert_eq!((trace.lines.len(), trace.left_out), (MOST_LINES_OF_A_TRACE, 3));
    }

    #[test]
    fn the_spans_of_a_batch_are_kept_with_each_of_its_requests_and_leave_with_them() {
        let mut kept = Kept::with_most(4);
        let correlation_ids = ["a", "b"].map(str::to_owned).into();
        let spans = Spans { correlation_ids, at_ms: 1, batch_ms: None, raw: "{}".into() };
        kept.add(line("create-order", "a", 0));
        kept.add_spans("fulfill-order", &spans);
        assert_eq!(kept.trace("a").unwrap().raw().count(), 2);
        assert_eq!(kept.trace("b").unwrap().raw().collect::<Vec<_>>(), ["{}"]);
        kept.add(line("fulfill-order", "c", 2));
        kept.add(line("fulfill-order", "c", 2));
        assert_eq!(ids(&kept), ["c", "b"]);
        assert_eq!(kept.totals().lines, 3);
    }

    #[test]
    fn the_traces_of_an_order_are_those_that_placed_or_name_it() {
        let mut kept = Kept::default();
        kept.add(line("create-order", "placed", 0));
        kept.add(Line { order_id: Some("o".to_owned()), ..line("get-order", "read", 1) });
        kept.add(Line { order_id: Some("p".to_owned()), ..line("get-order", "other", 1) });
        let found = kept.of_order("o", &["placed".to_owned()]);
        assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["placed", "read"]);
    }

    #[test]
    fn old_traces_are_forgotten_by_their_last_line() {
        let mut kept = Kept::default();
        let minute = 60_000;
        kept.add(line("a", "old", 0));
        kept.add(line("a", "long", 0));
        kept.add(line("a", "long", 5 * minute));
        kept.forget_old((KEPT_MINUTES + 1) * minute);
        assert_eq!(ids(&kept), ["long"]);
    }
}
