//! What the functions of Waybill have in common.
//!
//! Knowledge points one way: a function knows [`app`], which knows [`domain`], which knows nothing.
//! The adapters (`postgres`, `cache`, `queue`, `warehouse`) implement the traits of [`app::ports`] and are handed
//! to a use case by the function that built them; no use case builds one.

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
