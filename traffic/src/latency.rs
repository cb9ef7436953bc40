//! Latencies, counted from the time a request was to be sent.

use hdrhistogram::Histogram;

use crate::history::Percentiles;

/// The longest latency that is told apart, in microseconds. A longer one counts as this.
const LONGEST_US: u64 = 300_000_000;

/// A collection of latencies.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Option<Histogram<u64>>);

impl Default for Latencies {
    fn default() -> Self {
        // Two significant digits, which takes 30 KB.
        Self(Histogram::new_with_bounds(1, LONGEST_US, 2).ok())
    }
}

impl Latencies {
    /// Adds a latency.
    pub(crate) fn record(&mut self, latency_us: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(latency_us);
        }
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }

    /// The percentiles.
    #[must_use]
    pub(crate) fn percentiles(&self) -> Percentiles {
        let Some(histogram) = self.0.as_ref().filter(|it| !it.is_empty()) else {
            return Percentiles::default();
        };
        let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
        Percentiles {
            count: histogram.len(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: milliseconds(histogram.max()),
        }
    }
}

/// Microseconds as milliseconds.
#[must_use]
pub(crate) fn milliseconds(us: u64) -> f64 {
    std::time::Duration::from_micros(us).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_latencies_since_the_last_clear() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentiles(), Percentiles::default());
        (1..=100).for_each(|ms| latencies.record(ms * 1_000));
        let found = latencies.percentiles();
        assert_eq!(found.count, 100);
        assert!(
            (found.p50_ms - 50.0).abs() < 1.0 && (found.p99_ms - 99.0).abs() < 1.0,
            "{found:?}"
        );
        latencies.clear();
        latencies.record(u64::MAX);
        assert!((latencies.percentiles().max_ms - 300_000.0).abs() < 3_000.0);
    }
}
