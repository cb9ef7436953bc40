//! The adapters, with a real Postgres and an AWS emulator.
//!
//! Each test creates its own database, table or queue. `TEST_DATABASE_URL` names a server that
//! allows that, and `AWS_ENDPOINT_URL` the emulator; `make test` sets both.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod buckets;
mod cache;
mod changes;
mod connection;
mod contention;
mod events;
mod failover;
mod idempotency;
mod limits;
mod lists;
mod lost_answers;
mod mail;
mod migration_lock;
mod migrations;
mod model;
mod notifications;
mod orders;
mod outbox;
mod outbox_cost;
mod oversell;
mod page_cost;
mod products;
mod put_product;
mod queue;
mod reconcile;
mod roles;
mod round_trips;
mod schemas;
mod support;
mod warehouse;
