//! The local web console: what the stack of `make up` does, live, and what can be done to it.
//!
//! Pages are rendered by the server. One task collects logs and figures while somebody looks;
//! pages read its snapshots. Everything else is read from the stack for each page.

pub mod address;
mod charts;
mod collect;
mod console;
mod format;
mod frame;
mod guard;
mod live;
mod lock;
mod pages;
mod redriven;
mod server;
mod sources;

pub use console::Console;
pub use server::serve;
