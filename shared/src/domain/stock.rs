//! The stock of a product, and how it is stored.

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

/// In how many buckets the stock of a product is: 1 to 64. Orders that take from different buckets don't
/// wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets(i32);

impl Buckets {
    /// The stock in one piece.
    pub const ONE: Self = Self(1);
    /// The most buckets. An order that needs the exact stock locks all of them.
    pub const MAX: Self = Self(64);

    /// So many buckets, if that is 1 to 64.
    #[must_use]
    pub fn new(number: i32) -> Option<Self> {
        (Self::ONE.0..=Self::MAX.0).contains(&number).then_some(Self(number))
    }

    /// The number of buckets.
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
    fn there_are_1_to_64_buckets() {
        assert_eq!([Buckets::new(1), Buckets::new(64)], [Some(Buckets::ONE), Some(Buckets::MAX)]);
        for number in [i32::MIN, -1, 0, 65, i32::MAX] {
            assert_eq!(Buckets::new(number), None, "{number}");
        }
    }

    #[test]
    fn a_stock_is_not_negative() {
        assert_eq!(Stock::parse("0"), Stock::new(0));
        assert_eq!(Stock::parse("2147483647").map(Stock::get), Some(i32::MAX));
        for text in ["", "-1", "1.5", " 1", "2147483648"] {
            assert_eq!(Stock::parse(text), None, "{text}");
        }
    }
}
