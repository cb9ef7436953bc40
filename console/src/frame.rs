//! What every page has around it.

use crate::collect::kept::{KEPT_MINUTES, MOST_LINES, Totals};
use crate::collect::snapshot::Snapshot;
use crate::format::{count, plural};

/// The pages in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The map of the stack.
    Stack,
    /// Orders, and the stories of requests.
    Orders,
    /// Queues and dead letters.
    Queues,
    /// Products, their books and their cache.
    Products,
    /// Traffic and its verdict.
    Traffic,
    /// Faults.
    Faults,
    /// What was sent.
    Mail,
}

impl Page {
    /// All of them, in the order of the navigation.
    pub(crate) const ALL: [Self; 7] = [
        Self::Stack,
        Self::Orders,
        Self::Queues,
        Self::Products,
        Self::Traffic,
        Self::Faults,
        Self::Mail,
    ];

    /// Its name.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Stack => "Stack",
            Self::Orders => "Orders",
            Self::Queues => "Queues",
            Self::Products => "Products",
            Self::Traffic => "Traffic",
            Self::Faults => "Break it",
            Self::Mail => "Mail",
        }
    }

    /// Its address.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Stack => "/",
            Self::Orders => "/orders",
            Self::Queues => "/queues",
            Self::Products => "/products",
            Self::Traffic => "/traffic",
            Self::Faults => "/faults",
            Self::Mail => "/mail",
        }
    }
}

/// The frame of one page.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The page.
    pub(crate) page: Page,
    /// Why log lines may be missing.
    pub(crate) problem: Option<String>,
    kept: Totals,
}

impl Frame {
    /// The frame of a page that was made from this snapshot.
    pub(crate) fn new(page: Page, snapshot: &Snapshot) -> Self {
        Self { page, problem: snapshot.logs_problem.clone(), kept: snapshot.kept }
    }

    /// The pages of the navigation.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    pub(crate) fn pages(&self) -> impl Iterator<Item = Page> {
        Page::ALL.into_iter()
    }

    /// A sentence about what is kept of the logs, and what had to leave.
    pub(crate) fn bounds(&self) -> String {
        let Totals { lines, traces, evicted_lines, evicted_traces } = self.kept;
        format!(
            "Kept of the logs: {} of at most {}, in {}, for {KEPT_MINUTES} minutes after the last. \
             Evicted: {} in {}, whole traces at a time, evenly by function.",
            count(lines as u64),
            plural(MOST_LINES as u64, "line"),
            plural(traces as u64, "trace"),
            plural(evicted_lines, "line"),
            plural(evicted_traces, "trace")
        )
    }
}
