//! One deadline for everything that an invocation waits for.
//!
//! It is set once, where the invocation begins, in a task-local variable. Adapters that wait read
//! it there, so that use cases need not pass it on.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The time that is reserved for canceling a statement and for answering.
pub const RESERVE: Duration = Duration::from_secs(2);

/// An end so soon after 1970 is not a real one.
const LONG_PAST: Duration = Duration::from_hours(24 * 365);

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs `work` with a deadline. It does not stop `work`; adapters ask [`current`].
pub async fn within<T>(deadline: Instant, work: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, work).await
}

/// The deadline of this invocation; outside of one, `otherwise` from now.
#[must_use]
pub fn current(otherwise: Duration) -> Instant {
    DEADLINE.try_with(|deadline| *deadline).unwrap_or_else(|_| Instant::now() + otherwise)
}

/// The deadline of an invocation that ends at `end`: [`RESERVE`] earlier, and at most `limit` from
/// now. If `end` is long past, only `limit` counts: `cargo lambda watch` always says ten minutes
/// after 1970.
#[must_use]
pub fn of_invocation(end: SystemTime, limit: Duration) -> Instant {
    if end < SystemTime::UNIX_EPOCH + LONG_PAST {
        return Instant::now() + limit;
    }
    let left = end.duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left.saturating_sub(RESERVE).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_before_the_end_and_within_the_limit() {
        let (now, limit) = (SystemTime::now(), Duration::from_secs(5));
        let left = |end| of_invocation(end, limit).duration_since(Instant::now());
        assert!(left(now + Duration::from_hours(1)) <= limit);
        assert!(left(now + Duration::from_hours(1)) + Duration::from_secs(1) > limit);
        assert!(left(now + Duration::from_secs(4)) <= Duration::from_secs(2));
        assert_eq!(left(now), Duration::ZERO);
        assert_eq!(left(now - Duration::from_hours(1)), Duration::ZERO);
    }

    #[test]
    fn a_platform_that_does_not_know_the_end_leaves_the_limit() {
        let limit = Duration::from_secs(5);
        for milliseconds in [0, 600_000] {
            let end = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
            let left = of_invocation(end, limit).duration_since(Instant::now());
            assert!(left + Duration::from_secs(1) > limit, "{milliseconds}: {left:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_innermost_deadline_counts_and_there_is_always_one() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_mins(1));
        assert_eq!(current(minute), Instant::now() + minute);
        let deadline = Instant::now() + second;
        assert_eq!(within(deadline, async { current(minute) }).await, deadline);
    }
}
