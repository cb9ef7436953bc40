//! Configuration from the environment.

#[cfg(feature = "aws")]
mod aws;
mod database;
mod environment;
mod http;
mod mail;
mod process;
#[cfg(feature = "warehouse")]
mod warehouse;

#[cfg(feature = "aws")]
pub use aws::{AwsConfig, AwsEndpoints};
pub use database::{DatabaseConfig, OwnerLimits, Timing};
pub use environment::{Config, ConfigError};
pub use http::CursorSecret;
#[cfg(all(test, feature = "warehouse"))]
pub(crate) use warehouse::READ_TIMEOUT;
#[cfg(feature = "warehouse")]
pub use warehouse::WarehouseConfig;
