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

/// An amount in the minor unit of its currency: 1999 for 19.99 € or 1999 ¥.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// The number of minor units.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// The price of `quantity` at this unit price.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] on overflow.
    pub fn times(self, quantity: i32) -> Result<Self, AmountOutOfRange> {
        let minor = self.minor.checked_mul(i64::from(quantity)).ok_or(AmountOutOfRange)?;
        Ok(Self { minor, ..self })
    }
}

/// The amount overflows 64 bits.
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
    fn an_overflow_is_an_error_and_never_a_wrap() {
        let currency = Currency::parse("EUR").unwrap();
        assert_eq!(Money { minor: 250, currency }.times(4), Ok(Money { minor: 1000, currency }));
        assert_eq!(Money { minor: i64::MAX, currency }.times(2), Err(AmountOutOfRange));
    }
}
