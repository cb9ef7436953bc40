//! The part of the local cloud that tests use as well: a Postgres server in its own folder.

pub mod database;
pub mod postgres;

pub use waybill_ops::error;
