//! How requests are spread over time.

use serde::{Deserialize, Serialize};

/// How requests are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// As independent customers arrive: the gaps are exponentially distributed.
    Poisson,
}
