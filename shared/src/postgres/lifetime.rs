//! How long a connection serves.

use std::time::{Duration, Instant, SystemTime};

/// Aurora DSQL ends a connection after 60 minutes
/// (<https://docs.aws.amazon.com/aurora-dsql/latest/userguide/CHAP_quotas.html>).
/// It is replaced after 45 minutes or up to ten more, so that processes that started together don't
/// connect together again.
const SHORTEST: Duration = Duration::from_mins(45);
const SPREAD: Duration = Duration::from_mins(10);

/// How long an old connection serves on after none could be opened in its place.
const POSTPONEMENT: Duration = Duration::from_mins(1);

/// The time of day, which tests set.
pub(super) type Clock = fn() -> SystemTime;

/// When a connection was opened, and when it is to be replaced.
pub(super) struct Lifetime {
    clock: Clock,
    /// By two clocks: one may stand still while an environment is frozen, and the other can be set.
    opened: (Instant, SystemTime),
    limit: Duration,
}

impl Lifetime {
    /// The lifetime of a connection to DSQL that opens now.
    pub(super) fn of_dsql(clock: Clock) -> Self {
        let limit = SHORTEST + SPREAD.mul_f64(fastrand::f64());
        Self { clock, opened: (Instant::now(), clock()), limit }
    }

    /// Whether the connection is to be replaced before its next statement.
    pub(super) fn is_over(&self) -> bool {
        self.age() >= self.limit
    }

    /// Lets the connection serve for another minute.
    pub(super) fn postpone(&mut self) {
        self.limit = self.age() + POSTPONEMENT;
    }

    fn age(&self) -> Duration {
        let (instant, time) = self.opened;
        let by_time = (self.clock)().duration_since(time).unwrap_or_default();
        instant.elapsed().max(by_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened_before(age: Duration) -> Lifetime {
        let mut lifetime = Lifetime::of_dsql(SystemTime::now);
        lifetime.opened.1 -= age;
        lifetime
    }

    #[test]
    fn a_connection_is_replaced_minutes_before_dsql_ends_it_and_not_long_before() {
        for _ in 0..100 {
            assert!(!opened_before(Duration::from_mins(44)).is_over());
            assert!(opened_before(Duration::from_mins(55)).is_over());
        }
        // Spread, so that not all of them connect in the same second.
        let over = (0..1000).filter(|_| opened_before(Duration::from_mins(50)).is_over()).count();
        assert!((300..700).contains(&over), "{over}");
    }

    #[test]
    fn a_clock_that_was_set_back_ends_no_connection() {
        let mut lifetime = Lifetime::of_dsql(SystemTime::now);
        lifetime.opened.1 += Duration::from_hours(1);
        assert!(!lifetime.is_over());
    }

    #[test]
    fn a_postponement_lasts_a_minute() {
        let mut lifetime = opened_before(Duration::from_hours(1));
        lifetime.postpone();
        assert!(!lifetime.is_over());
        lifetime.opened.1 -= POSTPONEMENT;
        assert!(lifetime.is_over());
    }
}
