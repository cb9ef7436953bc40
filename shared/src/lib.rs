//! The library that the functions of Waybill share.
//!
//! Dependencies point one way: functions know [`app`], `app` knows [`domain`], and `domain` knows
//! nothing. The adapters (`postgres`, `cache`, `queue`, `warehouse`) implement the traits of `app`.
//! A function builds them and hands them to a use case.

pub mod app;
pub mod config;
pub mod deadline;
pub mod domain;
pub mod error;
pub mod metrics;
pub mod telemetry;

#[cfg(feature = "aws")]
pub mod aws;
pub mod cache;
#[cfg(feature = "eventbridge")]
pub mod events;
#[cfg(feature = "http")]
pub mod http;
pub mod lambda;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqs")]
pub mod queue;
#[cfg(feature = "warehouse")]
pub mod warehouse;

pub use error::Error;
pub use lambda::start;

/// The cause of an [`Error`]: for the log, never for a client.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
