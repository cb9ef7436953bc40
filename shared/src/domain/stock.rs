//! The stock of a product.

use std::fmt;

/// How many of a product can be sold. It is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stock(i32);

impl Stock {
    /// The stock of so many pieces, if that is not negative.
    #[must_use]
    pub fn new(pieces: i32) -> Option<Self> {
        (pieces >= 0).then_some(Self(pieces))
    }

    /// Parses the number of pieces.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::new)
    }

    /// The number of pieces.
    #[must_use]
    pub fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_is_not_negative() {
        assert_eq!(Stock::parse("0"), Stock::new(0));
        assert_eq!(Stock::parse("2147483647").map(Stock::get), Some(i32::MAX));
        for text in ["", "-1", "1.5", " 1", "2147483648"] {
            assert_eq!(Stock::parse(text), None, "{text}");
        }
    }
}
