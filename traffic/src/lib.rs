//! Traffic with a verdict: sends orders and everything else to a stack, and judges afterwards whether
//! the service kept its promises.
//!
//! `plan` says what is sent and when, `generator` and `sender` send it, `history` keeps what came of
//! it, `observe` reads what the service has in the end, and `verdict` compares the two. A `round` does
//! all of that once.

pub mod answers;
pub mod arrivals;
mod asker;
pub mod ceiling;
pub mod client;
mod clock;
pub mod control;
mod customers;
mod database;
mod depth;
mod doubtful;
mod drain;
mod events;
pub mod faults;
pub mod generator;
pub mod growth;
pub mod history;
mod latency;
mod ledger;
mod meter;
pub mod mix;
pub mod mode;
mod observe;
mod options;
pub mod plan;
pub mod progress;
pub mod report;
pub mod resources;
pub mod round;
mod sender;
pub mod settings;
mod shop;
pub mod soak;
pub mod status;
pub mod verdict;
mod watcher;
