//! Arbitrary events of the gateway and the queue, through the handlers as they are deployed, with a
//! shop in memory.
//!
//! Nothing may panic, nothing may answer 5xx, and every 4xx is a problem. A failing case is
//! minimized and kept in a `.regressions` file beside the test, which later runs start with; commit
//! it.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod arbitrary;
mod cursors;
mod event;
mod events;
mod functions;
mod jobs;
mod requests;
mod shop;

use proptest::test_runner::{Config, FileFailurePersistence};

/// How many cases, and where failed ones are kept.
fn cases(cases: u32) -> Config {
    let kept = FileFailurePersistence::WithSource("regressions");
    Config { cases, failure_persistence: Some(Box::new(kept)), ..Config::default() }
}
