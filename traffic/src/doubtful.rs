//! Orders whose outcome is unknown, and when to ask for them again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Without an answer, the service may still be working on the request: its deadline is 5 s.
const AFTER_SILENCE: Duration = Duration::from_secs(6);
/// After an answer that says nothing is in progress.
const AFTER_ANSWER: Duration = Duration::from_secs(1);
/// The longest wait between two requests for the same order.
const LONGEST: Duration = Duration::from_secs(8);
/// The orders, with the time of the next request and the wait after it.
#[derive(Debug, Default)]
pub(crate) struct Doubtful(Mutex<BTreeMap<u64, (Instant, Duration)>>);

impl Doubtful {
    /// Adds an order, with what is known about its outcome.
    pub(crate) fn add(&self, order: u64, why: &str) {
        let silent = ["timeout", "connect", "broken"].contains(&why) || why.starts_with("http-");
        let wait = if silent { AFTER_SILENCE } else { AFTER_ANSWER };
        self.orders().entry(order).or_insert((Instant::now() + wait, AFTER_ANSWER));
    }

    /// How many orders are in doubt.
    pub(crate) fn len(&self) -> usize {
        self.orders().len()
    }

    /// The orders to ask for now, at most so many. They stay in doubt until [`known`](Self::known).
    pub(crate) fn due(&self, at_most: usize) -> Vec<u64> {
        let now = Instant::now();
        let mut orders = self.orders();
        let due = orders.iter_mut().filter(|(_, (at, _))| *at <= now).take(at_most);
        due.map(|(order, (at, wait))| {
            *at = now + AFTER_SILENCE + *wait;
            *wait = (*wait * 2).min(LONGEST);
            *order
        })
        .collect()
    }

    /// Removes an order whose outcome is known.
    pub(crate) fn known(&self, order: u64) {
        self.orders().remove(&order);
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<u64, (Instant, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_asked_for_after_the_service_has_given_up_on_it() {
        let doubtful = Doubtful::default();
        doubtful.add(1, "timeout");
        doubtful.add(2, "unavailable");
        doubtful.add(2, "timeout");
        let waits: Vec<_> = doubtful
            .orders()
            .values()
            .map(|(at, _)| at.saturating_duration_since(Instant::now()).as_secs_f64().ceil())
            .collect();
        assert_eq!(waits, [6.0, 1.0]);
        assert_eq!(doubtful.due(4), Vec::<u64>::new());
        doubtful.known(1);
        assert_eq!(doubtful.len(), 1);
    }
}
