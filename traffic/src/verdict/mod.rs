//! The verdict: a function of a history and of nothing else.
//!
//! A finding says that the service broke a promise, a doubt that something is not known. With a finding
//! the verdict is broken; with only doubts, nobody can tell; otherwise it is clean.

mod books;
mod events;
mod growth;
mod orders;
mod replays;
mod stock;
#[cfg(test)]
mod tampering;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::{History, Outcome};
use books::Books;

/// The outcome of a judgment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The conclusion.
    pub conclusion: Conclusion,
    /// The promises that the service broke.
    pub findings: Vec<Finding>,
    /// What is not known.
    pub doubts: Vec<Finding>,
    /// What was checked.
    pub checked: Checked,
}

/// The conclusion of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Everything was checked, and nothing is wrong.
    Clean,
    /// The service broke a promise.
    Broken,
    /// Nothing wrong was found, but not everything could be checked.
    CantTell,
}

/// A kind of finding or doubt, with examples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name, such as `lost`.
    pub kind: String,
    /// How often it was found.
    pub count: usize,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

/// How much was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Orders that were placed.
    pub orders: usize,
    /// Repeated requests that were answered with an order.
    pub replays: usize,
    /// Refusals that named what was left.
    pub refusals: usize,
    /// Products whose stock was added up.
    pub products: usize,
    /// Events that had to be seen.
    pub events: usize,
}

/// How many examples a finding keeps.
const EXAMPLES: usize = 5;

/// Findings and doubts so far.
#[derive(Debug, Default)]
struct Notes {
    findings: BTreeMap<&'static str, Vec<String>>,
    doubts: BTreeMap<&'static str, Vec<String>>,
}

impl Notes {
    fn finding(&mut self, kind: &'static str, what: impl Into<String>) {
        self.findings.entry(kind).or_default().push(what.into());
    }

    fn doubt(&mut self, kind: &'static str, what: impl Into<String>) {
        self.doubts.entry(kind).or_default().push(what.into());
    }
}

/// Judges a history.
#[must_use]
pub fn judge(history: &History) -> Verdict {
    let mut notes = Notes::default();
    let mut checked = Checked::default();
    for gap in history.gaps() {
        notes.doubt("history-cut", gap);
    }
    match &history.observed {
        None => notes.doubt("not-observed", "nobody looked at the service after the traffic"),
        Some(observed) if !observed.failures.is_empty() => {
            for failure in &observed.failures {
                notes.doubt("not-observed", failure);
            }
        }
        // Without all calls, an order that is missing in the history proves nothing.
        Some(observed) if notes.doubts.is_empty() => {
            let books = Books::new(history, observed);
            orders::check(&books, &mut notes, &mut checked);
            replays::check(&books, &mut notes, &mut checked);
            stock::check(&books, &mut notes, &mut checked);
            events::check(&books, &mut notes, &mut checked);
            for discrepancy in &observed.discrepancies {
                notes.finding("unreconciled", discrepancy);
            }
            answers(history, &mut notes);
            growth::check(&history.usage, &mut notes);
        }
        Some(_) => {}
    }
    for fault in history.faults.iter().filter(|fault| fault.struck == Some(0)) {
        notes.doubt("idle-fault", format!("{} struck nothing, so it proved nothing", fault.name));
    }
    verdict(notes, checked)
}

/// Refusals that are part of normal traffic.
const EXPECTED: [&str; 4] =
    ["insufficient-stock", "illegal-transition", "version-mismatch", "stock-taken"];

/// Checks that no answer shows a bug in the service or in the requests.
fn answers(history: &History, notes: &mut Notes) {
    for call in &history.calls {
        let (number, request) = (call.number, &call.request);
        match &call.outcome {
            Outcome::Refused { status, reason, .. } if !EXPECTED.contains(&reason.as_str()) => {
                notes.finding(
                    "unexpected-answer",
                    format!("call {number}, {request:?}: {status} {reason}"),
                );
            }
            Outcome::Unknown { why } if why == "internal" => {
                notes.finding(
                    "unexpected-answer",
                    format!("call {number}, {request:?}: a bug in the service (internal)"),
                );
            }
            _ => {}
        }
    }
}

fn verdict(notes: Notes, checked: Checked) -> Verdict {
    let conclusion = if !notes.findings.is_empty() {
        Conclusion::Broken
    } else if !notes.doubts.is_empty() {
        Conclusion::CantTell
    } else {
        Conclusion::Clean
    };
    let list = |notes: BTreeMap<&'static str, Vec<String>>| {
        let finding = |(kind, mut examples): (&str, Vec<String>)| {
            let count = examples.len();
            examples.truncate(EXAMPLES);
            Finding { kind: kind.to_owned(), count, examples }
        };
        notes.into_iter().map(finding).collect()
    };
    Verdict { conclusion, findings: list(notes.findings), doubts: list(notes.doubts), checked }
}

impl Verdict {
    /// The exit code of a program that ends with this verdict: 0, 1 or 2.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self.conclusion {
            Conclusion::Clean => 0,
            Conclusion::Broken => 1,
            Conclusion::CantTell => 2,
        }
    }

    /// The names of the findings and doubts.
    #[must_use]
    pub fn kinds(&self) -> Vec<&str> {
        self.findings.iter().chain(&self.doubts).map(|finding| finding.kind.as_str()).collect()
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clean => "clean",
            Self::Broken => "broken",
            Self::CantTell => "can't tell",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checked { orders, replays, refusals, products, events } = self.checked;
        writeln!(f, "Verdict: {}", self.conclusion)?;
        for Finding { kind, count, examples } in self.findings.iter().chain(&self.doubts) {
            writeln!(f, "  {kind} ({count})")?;
            for example in examples {
                writeln!(f, "    {example}")?;
            }
        }
        write!(
            f,
            "  checked: {orders} orders, {replays} replays, {refusals} refusals for lack of stock, \
             {products} products, {events} events"
        )
    }
}
