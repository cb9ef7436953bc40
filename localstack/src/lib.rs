//! The part of the local cloud that tests use as well: a Postgres server in its own folder, and the
//! stand-in for Aurora DSQL.

pub mod database;
pub mod postgres;
pub mod standin;

pub use waybill_ops::error;
