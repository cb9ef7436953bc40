//! The part of the local cloud that the tests use as well: a Postgres server in a folder of its own.

pub mod database;
pub mod postgres;

pub use waybill_ops::error;
