//! Metrics of the product cache: one line in `CloudWatch`'s embedded metric format for each invocation
//! that used the cache.
//!
//! The line goes to standard output, which costs a few microseconds and no call. The format:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::cell::Cell;
use std::io::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::telemetry;

const NAMESPACE: &str = "Waybill";

/// A counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Products found in memory.
    MemoryHits,
    /// Products found in `DynamoDB`.
    DynamoDbHits,
    /// Products found in neither.
    Misses,
    /// Calls to `DynamoDB` that failed.
    Errors,
}

impl Metric {
    const ALL: [Self; 4] = [Self::MemoryHits, Self::DynamoDbHits, Self::Misses, Self::Errors];

    fn name(self) -> &'static str {
        match self {
            Self::MemoryHits => "CacheMemoryHits",
            Self::DynamoDbHits => "CacheDynamoDbHits",
            Self::Misses => "CacheMisses",
            Self::Errors => "CacheErrors",
        }
    }
}

/// The counts of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    memory_hits: Cell<u64>,
    dynamodb_hits: Cell<u64>,
    misses: Cell<u64>,
    errors: Cell<u64>,
}

tokio::task_local! {
    static COUNTS: Counts;
}

/// Adds `more` to a counter of this invocation. Outside of one, does nothing.
pub fn count(metric: Metric, more: usize) {
    let _ = COUNTS.try_with(|counts| {
        let count = counts.of(metric);
        count.set(count.get().saturating_add(more as u64));
    });
}

/// Runs `work` and returns its counts.
pub async fn counted<T>(work: impl Future<Output = T>) -> (T, Counts) {
    COUNTS.scope(Counts::default(), async { (work.await, COUNTS.with(Counts::clone)) }).await
}

impl Counts {
    /// Writes the line of an invocation, unless all counts are 0.
    pub fn log(&self, correlation_id: &str, request_id: &str, cold_start: bool) {
        if Metric::ALL.into_iter().any(|metric| self.of(metric).get() > 0) {
            let now = Timestamp::now();
            let mut line = self.line(correlation_id, request_id, cold_start, now).to_string();
            line.push('\n');
            // If standard output fails, there is no place to report it.
            let _ = std::io::stdout().lock().write_all(line.as_bytes());
        }
    }

    /// The fields of every log line, the counts, and the list of metrics in `_aws`.
    fn line(
        &self,
        correlation_id: &str,
        request_id: &str,
        cold_start: bool,
        now: Timestamp,
    ) -> Value {
        let metrics = Metric::ALL.map(|it| json!({ "Name": it.name(), "Unit": "Count" }));
        let mut line = json!({
            "timestamp": now,
            "level": "INFO",
            "service": telemetry::SERVICE,
            "function": telemetry::function(),
            "message": "product cache metrics",
            "correlation_id": correlation_id,
            "request_id": request_id,
            "cold_start": cold_start,
            "_aws": {
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [["function"]],
                    "Metrics": metrics,
                }],
            },
        });
        if let Value::Object(fields) = &mut line {
            let counts = Metric::ALL.map(|it| (it.name().to_owned(), self.of(it).get().into()));
            fields.extend(counts);
        }
        line
    }

    fn of(&self, metric: Metric) -> &Cell<u64> {
        match metric {
            Metric::MemoryHits => &self.memory_hits,
            Metric::DynamoDbHits => &self.dynamodb_hits,
            Metric::Misses => &self.misses,
            Metric::Errors => &self.errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_invocation_counts_its_own() {
        let invocation = async |hits| {
            for _ in 0..hits {
                count(Metric::MemoryHits, 2);
                tokio::task::yield_now().await;
            }
        };
        // Taking turns on one thread.
        let (((), three), ((), five)) =
            tokio::join!(counted(invocation(3)), counted(invocation(5)));
        assert_eq!((three.memory_hits.get(), five.memory_hits.get()), (6, 10));
        // Nobody's.
        count(Metric::Errors, 1);
        assert_eq!(counted(async {}).await.1, Counts::default());
    }

    #[test]
    fn the_line_is_a_log_line_and_says_which_of_its_fields_are_metrics() {
        let counts = Counts { misses: Cell::new(2), ..Counts::default() };
        let now = "2026-02-21T12:00:00.5Z".parse().unwrap();
        let line = counts.line("abc", "r-1", true, now);
        assert_eq!(
            line,
            json!({
                "timestamp": "2026-02-21T12:00:00.5Z",
                "level": "INFO",
                "service": "waybill",
                "function": telemetry::function(),
                "message": "product cache metrics",
                "correlation_id": "abc",
                "request_id": "r-1",
                "cold_start": true,
                "CacheMemoryHits": 0,
                "CacheDynamoDbHits": 0,
                "CacheMisses": 2,
                "CacheErrors": 0,
                "_aws": {
                    "Timestamp": 1_771_675_200_500_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Waybill",
                        "Dimensions": [["function"]],
                        "Metrics": [
                            { "Name": "CacheMemoryHits", "Unit": "Count" },
                            { "Name": "CacheDynamoDbHits", "Unit": "Count" },
                            { "Name": "CacheMisses", "Unit": "Count" },
                            { "Name": "CacheErrors", "Unit": "Count" },
                        ],
                    }],
                },
            })
        );
    }
}
