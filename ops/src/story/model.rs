//! The story of an order: a tree of bars over time, each with its log lines.

use super::read::LogLine;

/// The story of an order, or of a request that placed none.
#[derive(Debug, Clone)]
pub struct Story {
    /// The order; none for a request that placed none.
    pub order_id: Option<String>,
    /// The number of the order.
    pub number: Option<String>,
    /// The correlation ids of its requests.
    pub correlation_ids: Vec<String>,
    /// Each bar that none other caused, by its start.
    pub bars: Vec<Bar>,
    /// Log lines that belong to no bar, by their time: their invocations were not sampled.
    pub loose: Vec<LogLine>,
}

/// Something that took time.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is.
    pub kind: BarKind,
    /// The function that did it; for a wait, the queue.
    pub place: String,
    /// What it is in a few words, such as `POST /orders` or `wait for try 2`.
    pub title: String,
    /// How it ended in a few words, such as `201` or `confirmed`; empty if there is nothing to say.
    pub result: String,
    /// Whether it failed.
    pub has_failed: bool,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
    /// The log lines that were written in it, by their time.
    pub lines: Vec<LogLine>,
    /// What it caused, by its start. May begin after this has ended.
    pub children: Vec<Bar>,
}

/// The kind of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarKind {
    /// A request.
    Request,
    /// An attempt of a statement of Postgres.
    Statement,
    /// A message that was sent to a queue, or an event that was published.
    Send,
    /// The time of a message in a queue.
    Wait,
    /// The handling of a message.
    Job,
    /// A request to another service, or a call of `DynamoDB`.
    Call,
    /// A message that became a dead letter. Takes no time.
    DeadLetter,
    /// Anything else.
    Step,
}

impl Story {
    /// The first start and the last end, in nanoseconds since 1970; both are 0 without bars.
    #[must_use]
    pub fn range(&self) -> (u64, u64) {
        let (mut first, mut last) = (u64::MAX, 0);
        self.walk(&mut |bar, _| {
            first = first.min(bar.start);
            last = last.max(bar.end);
        });
        (first.min(last), last)
    }

    /// Visits each bar and how deep it is, a parent before its children.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Bar, usize)) {
        fn walk<'a>(bars: &'a [Bar], depth: usize, visit: &mut impl FnMut(&'a Bar, usize)) {
            for bar in bars {
                visit(bar, depth);
                walk(&bar.children, depth + 1, visit);
            }
        }
        walk(&self.bars, 0, visit);
    }
}
