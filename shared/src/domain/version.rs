//! Versions.

use std::fmt;

use serde::Serialize;

/// The version of an order or product: 1 at first, and 1 more for each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Version(i64);

impl Version {
    /// The version of a new order or product.
    pub const FIRST: Self = Self(1);

    /// The version with this number, if it is positive.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        (number >= Self::FIRST.0).then_some(Self(number))
    }

    /// Parses the number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::new)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The version after one more change.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_positive_number() {
        assert_eq!(Version::parse("1"), Some(Version::FIRST));
        assert_eq!(Version::parse("9223372036854775807").map(Version::get), Some(i64::MAX));
        for text in ["", "0", "-1", "1.5", " 1", "9223372036854775808"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
