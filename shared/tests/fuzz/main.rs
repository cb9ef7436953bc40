//! Whatever reaches the functions: events as the gateway and the queue may deliver them, with anything
//! in them, through the handlers as they are deployed, in front of a shop in memory.
//!
//! Nothing may panic, nothing may be answered with a 5xx, and every 4xx is a problem. A case that
//! fails is made as small as it goes, and kept in a `.regressions` file beside the test, which every
//! later run begins with: it is to be committed.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod cursors;
mod event;
mod functions;
mod jobs;
mod requests;
mod shop;

use proptest::test_runner::{Config, FileFailurePersistence};

/// How many cases, and where those that failed are kept.
fn cases(cases: u32) -> Config {
    let kept = FileFailurePersistence::WithSource("regressions");
    Config { cases, failure_persistence: Some(Box::new(kept)), ..Config::default() }
}
