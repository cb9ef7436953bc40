//! The clock of a run: microseconds from its start.

use std::time::Instant;

/// A clock that starts when it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The microseconds from the start to `moment`; 0 if that was before.
    #[must_use]
    pub(crate) fn us(&self, moment: Instant) -> u64 {
        let elapsed = moment.saturating_duration_since(self.0);
        u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
    }

    /// The microseconds from the start to now.
    #[must_use]
    pub(crate) fn now_us(&self) -> u64 {
        self.us(Instant::now())
    }
}
