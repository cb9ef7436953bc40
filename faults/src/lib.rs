//! Breaks what the functions of a stack depend on, when asked to.
//!
//! Proxies stand between the functions and Postgres, SQS, DynamoDB, EventBridge and SES. A [`Control`]
//! starts and ends their faults, and [`api`] serves it over HTTP. Tests use the proxies alone.
//!
//! [`Control`]: control::Control

pub mod api;
pub mod catalog;
pub mod control;
pub mod endpoint;
pub mod http;
pub mod listen;
mod parameters;
mod processes;
pub mod proxy;
pub mod settings;
mod startup;
pub mod strikes;
mod targets;
mod values;
pub mod view;
