//! The control API and every fault, on real sockets. Needs nothing.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod aws;
mod functions;
mod postgres;
mod stand;
