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

    /// The number of decimals of an amount, as ISO 4217 has it.
    fn decimals(self) -> usize {
        match self.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
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

/// For people, such as `19.99 EUR` or `1999 JPY`.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals();
        let digits = format!("{:0width$}", self.minor, width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let point = if decimals > 0 { "." } else { "" };
        write!(formatter, "{whole}{point}{fraction} {}", self.currency.as_str())
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

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        let text =
            |minor, code| Money::new(minor, Currency::parse(code).unwrap()).unwrap().to_string();
        assert_eq!(text(0, "EUR"), "0.00 EUR");
        assert_eq!(text(5, "EUR"), "0.05 EUR");
        assert_eq!(text(1999, "USD"), "19.99 USD");
        assert_eq!(text(1999, "JPY"), "1999 JPY");
        assert_eq!(text(1999, "KWD"), "1.999 KWD");
        assert_eq!(text(1, "CLF"), "0.0001 CLF");
        assert_eq!(text(i64::MAX, "EUR"), "92233720368547758.07 EUR");
    }
}
