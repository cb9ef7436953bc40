//! How a round sends.

use crate::arrivals::Arrivals;

/// The parameters of a round, besides what is wanted at the start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The seed of the plan.
    pub seed: u64,
    /// How requests are spread over time.
    pub arrivals: Arrivals,
    /// The most requests in flight.
    pub in_flight: usize,
    /// The number of customers.
    pub customers: usize,
    /// Whether to measure the gateway alone first, which takes four seconds.
    pub measure_ceiling: bool,
    /// Whether to watch what processes use.
    pub watch_processes: bool,
    /// Whether to print a line a second.
    pub print: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            arrivals: Arrivals::Poisson,
            in_flight: 32,
            customers: 200,
            measure_ceiling: true,
            watch_processes: false,
            print: false,
        }
    }
}
