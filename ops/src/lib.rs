//! What works on a local and on a deployed stack: deploying, dead letters, logs, stories, reconciling.
//!
//! The runner in `localstack/` calls it for `make deploy`, `make dlq`, `make logs`, `make story` and
//! `make reconcile`, and builds the local cloud on its parts. Nothing here knows how a local stack is
//! started.

pub mod aws;
pub mod bootstraps;
mod budget;
pub mod config;
mod credentials;
mod database;
pub mod deploy;
pub mod dlq;
pub mod env_file;
pub mod error;
mod issuer;
pub mod logs;
mod overrides;
pub mod process;
pub mod reconcile;
pub mod release;
pub mod remote;
mod settings;
pub mod story;
pub mod subject;
pub mod tools;
pub mod ui;
