use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The figures of one second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// The second, from the start.
    pub at_s: u64,
    /// What came of the requests.
    pub counts: Counts,
    /// Requests in flight at its end.
    pub in_flight: usize,
    /// The latest that a request was sent after its time, in milliseconds.
    pub latest_ms: f64,
    /// Latencies of the requests that were answered in it.
    pub latency: Percentiles,
    /// Queue and outbox at its end.
    pub depth: Depth,
}

/// Numbers of requests by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests that were due.
    pub due: u64,
    /// Sent requests.
    pub sent: u64,
    /// Orders placed, without replays.
    pub placed: u64,
    /// Other successes.
    pub done: u64,
    /// Refused requests.
    pub refused: u64,
    /// Throttled requests.
    pub throttled: u64,
    /// Requests with an unknown outcome.
    pub unknown: u64,
    /// Requests not sent because too many were in flight.
    pub unsent: u64,
    /// Requests not sent because there was no order to act on.
    pub skipped: u64,
    /// Requests sent more than 50 ms after their time.
    pub late: u64,
    /// Orders asked for again because their outcome was unknown.
    pub asked_again: u64,
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many latencies there are.
    pub count: u64,
    /// The median.
    pub p50_ms: f64,
    /// 99 of 100 are at most this.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// How many messages wait. None where it could not be read, as during a fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// Jobs in the fulfillment queue, those being handled included.
    pub queue: Option<i64>,
    /// Rows of the outbox.
    pub outbox: Option<i64>,
}

/// What processes use at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// When, in microseconds from the start.
    pub at_us: u64,
    /// Connections to Postgres.
    pub connections: i64,
    /// Processes by name, such as `emulator` or `function create-order`.
    pub processes: BTreeMap<String, Process>,
}

/// What the processes of one name use together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// How many processes there are.
    pub count: u64,
    /// Resident memory in KiB.
    pub memory_kb: u64,
    /// Open files and sockets.
    pub files: u64,
}

/// A fault that was in force for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// Its name.
    pub name: String,
    /// When it began, in microseconds from the start of the run.
    pub from_us: u64,
    /// When it ended.
    pub to_us: u64,
    /// How often it struck; none if that could not be read.
    pub struck: Option<u64>,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, from_us, to_us, struck } = self;
        write!(f, "{name}, {} s to {} s, struck ", from_us / 1_000_000, to_us / 1_000_000)?;
        match struck {
            Some(times) => write!(f, "{times} times"),
            None => f.write_str("an unknown number of times"),
        }
    }
}
