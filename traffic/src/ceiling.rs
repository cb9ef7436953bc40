//! The ceiling: what the gateway does with a function that does nothing.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use waybill_ops::error::{Error, Result};

use crate::client::{Client, send};
use crate::history::Ceiling;
use crate::latency::Latencies;

/// `GET /health` without `deep` asks nothing of Postgres, DynamoDB or SQS.
const PATH: &str = "/health";
/// How long each half of the measurement takes.
const HALF: Duration = Duration::from_secs(2);
/// How many requests are in flight in the second half.
const PARALLEL: usize = 16;

/// Measures the ceiling: first one request after the other, then several at once. Takes four seconds.
///
/// # Errors
/// If the function does not answer.
pub async fn measure(client: &Client) -> Result<Ceiling> {
    let alone = repeat(client, Instant::now() + HALF).await?;
    let mut latencies = Latencies::default();
    for latency in alone {
        latencies.record(latency);
    }
    let started = Instant::now();
    let end = started + HALF;
    let mut answers = 0_u32;
    for latencies in join_all((0..PARALLEL).map(|_| repeat(client, end))).await {
        answers += u32::try_from(latencies?.len()).unwrap_or_default();
    }
    Ok(Ceiling {
        request: format!("GET {PATH}"),
        alone_p50_ms: latencies.percentiles().p50_ms,
        parallel: PARALLEL,
        per_second: f64::from(answers) / started.elapsed().as_secs_f64(),
    })
}

/// Sends one request after the other until `end`. Returns the latencies in microseconds.
async fn repeat(client: &Client, end: Instant) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let sent = Instant::now();
        let answer = send(client.request(Method::GET, PATH, "")).await;
        if !answer.as_ref().is_ok_and(|answer| answer.status == 200) {
            return Err(Error::new(format!("GET {PATH} does not answer. Is the stack running?")));
        }
        latencies.push(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(latencies)
}
