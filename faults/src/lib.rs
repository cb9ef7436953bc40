//! Proxies that break what stands behind them, when asked to.

pub mod endpoint;
pub mod http;
pub mod listen;
pub mod proxy;
mod startup;
pub mod strikes;
