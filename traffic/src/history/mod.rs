//! The history of a run: everything that was sent and answered, and what the service had in the end.
//!
//! It is a file of JSON lines. The first has the seed and the parameters, the last has the number of
//! calls, and each call has its number, so that a history that was cut is recognized.

mod call;
mod figures;
mod observed;
mod read;
mod run;
#[cfg(test)]
pub(crate) mod sample;
mod write;

use serde::{Deserialize, Serialize};

pub use call::{Available, Call, OrderLine, Outcome, Request};
pub use figures::{Counts, Depth, Percentiles, Process, Second, Strike, Usage};
pub use observed::{Observed, ObservedOrder, ObservedProduct};
pub use read::History;
pub use run::{Ceiling, Product, Run};
pub use write::Writer;

use crate::mode::Mode;

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// The first line.
    Run(Run),
    /// A change of the mode or the rate.
    Mode(Change),
    /// A request and its outcome.
    Call(Call),
    /// The figures of one second.
    Second(Second),
    /// What processes use.
    Usage(Usage),
    /// A fault.
    Fault(Strike),
    /// All requests have been sent.
    End(End),
    /// What the service had in the end.
    Observed(Observed),
}

/// A change of the mode or the rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When, in microseconds from the start.
    pub at_us: u64,
    /// The new mode.
    pub mode: Mode,
    /// The new rate in requests a second.
    pub rate: f64,
}

/// The end of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When, in microseconds from the start.
    pub at_us: u64,
    /// The number of calls.
    pub calls: u64,
}
