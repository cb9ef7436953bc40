//! Amounts of money, in integer minor units.

use std::fmt;

use serde::Serialize;

/// An ISO 4217 code, such as `EUR`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Parses three capital letters.
    ///
    /// # Errors
    /// A message for the client if `code` is anything else.
    pub fn parse(code: &str) -> Result<Self, String> {
        <[u8; 3]>::try_from(code.as_bytes())
            .ok()
            .filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
            .map(Self)
            .ok_or_else(|| "must be an ISO 4217 code, such as EUR".to_owned())
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// An amount in the minor unit of its currency: 1999 for 19.99 € or 1999 ¥. It is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of `minor` units.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] if it is negative.
    pub fn new(minor: i64, currency: Currency) -> Result<Self, AmountOutOfRange> {
        if minor < 0 { Err(AmountOutOfRange) } else { Ok(Self { minor, currency }) }
    }

    /// The number of minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The price of `quantity` at this unit price.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] on overflow, or if `quantity` is negative.
    pub fn times(self, quantity: i32) -> Result<Self, AmountOutOfRange> {
        let minor = self.minor.checked_mul(i64::from(quantity)).ok_or(AmountOutOfRange)?;
        Self::new(minor, self.currency)
    }
}

/// The amount is negative or overflows 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is out of range")]
pub struct AmountOutOfRange;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!(Currency::parse("EUR").unwrap().as_str(), "EUR");
        for code in ["", "EU", "eur", "EURO", "E1R", "€"] {
            assert!(Currency::parse(code).is_err(), "{code}");
        }
    }

    #[test]
    fn an_amount_is_not_negative_and_does_not_overflow() {
        let euros = |minor| Money::new(minor, Currency::parse("EUR").unwrap());
        assert_eq!(euros(-1), Err(AmountOutOfRange));
        assert_eq!(euros(250).unwrap().times(4), euros(1000));
        assert_eq!(euros(250).unwrap().times(-4), Err(AmountOutOfRange));
        assert_eq!(euros(i64::MAX).unwrap().times(2), Err(AmountOutOfRange));
    }
}
