//! Configuration from the environment.

#[cfg(feature = "aws")]
mod aws;
mod database;
mod engine;
mod environment;
mod http;
mod keys;
mod mail;
mod process;
mod roles;
#[cfg(feature = "warehouse")]
mod warehouse;

pub use database::{DatabaseConfig, OwnerLimits, Timing};
pub use engine::DatabaseEngine;
pub use environment::{Config, ConfigError};
pub use http::CursorSecret;
pub use keys::AwsKeys;
pub use roles::RoleArn;
#[cfg(all(test, feature = "warehouse"))]
pub(crate) use warehouse::READ_TIMEOUT;
#[cfg(feature = "warehouse")]
pub use warehouse::WarehouseConfig;
