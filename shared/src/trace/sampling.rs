//! Which invocations are traced.

use std::sync::OnceLock;

use super::context::TraceContext;

/// A share of all invocations, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate(f64);

static RATE: OnceLock<Rate> = OnceLock::new();

impl Rate {
    /// A rate, if it is from 0 to 1.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// Whether anything is recorded at all.
    pub(super) fn is_on(self) -> bool {
        self.0 > 0.0
    }

    /// Whether to record a new trace, decided at random.
    pub(super) fn chooses(self) -> bool {
        fastrand::f64() < self.0
    }

    /// Whether to record a span: as its parent was, or at random without one.
    pub(super) fn follows(self, parent: Option<TraceContext>) -> bool {
        parent.map_or_else(|| self.chooses(), |parent| parent.is_sampled)
    }
}

/// Sets the rate of this process. Only the first call counts.
pub(crate) fn start(rate: Rate) {
    RATE.get_or_init(|| rate);
}

/// The rate of this process: 0 before [`start`].
pub(super) fn rate() -> Rate {
    RATE.get().copied().unwrap_or_default()
}

/// Whether this process records anything.
pub(super) fn is_on() -> bool {
    rate().is_on()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_share() {
        for share in [0.0, 0.01, 1.0] {
            assert_eq!(Rate::new(share), Some(Rate(share)));
        }
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Rate::new(share), None, "{share}");
        }
    }

    #[test]
    fn a_span_is_recorded_as_its_parent_was() {
        let parent = |is_sampled| Some(TraceContext { trace_id: 1, span_id: 1, is_sampled });
        let (never, always) = (Rate(0.0), Rate(1.0));
        assert!(!never.is_on() && always.is_on());
        assert!(always.follows(None) && !never.follows(None));
        assert!(!always.follows(parent(false)));
        assert!(never.follows(parent(true)));
    }
}
