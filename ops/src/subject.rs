//! What people name an order by: its id, its number, or a correlation id.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use waybill::domain::{CorrelationId, OrderId, OrderNumber};

use crate::error::{Error, Result};

/// An order as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The id of an order.
    Order(OrderId),
    /// The number of an order.
    Number(OrderNumber),
    /// The correlation id of a request.
    Correlation(String),
}

impl FromStr for Subject {
    type Err = Error;

    /// Reads an id, else a number, else a correlation id.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::new("Name an order: its id, its number, or a correlation id."));
        }
        if let Ok(id) = OrderId::parse(text) {
            return Ok(Self::Order(id));
        }
        if text.to_ascii_uppercase().starts_with("ORD-") {
            return OrderNumber::try_from(text.to_ascii_uppercase()).map(Self::Number).map_err(|_| {
                Error::new(format!(
                    "{text} is not an order number; one looks like ORD-20260221-ADAW0-0Z5SN-T190N."
                ))
            });
        }
        match CorrelationId::parse(text) {
            Some(_) => Ok(Self::Correlation(text.to_owned())),
            None => Err(Error::new(format!(
                "{text:?} is neither the id or number of an order nor a correlation id."
            ))),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(id) => write!(f, "the order {id}"),
            Self::Number(number) => write!(f, "the order {}", number.as_str()),
            Self::Correlation(id) => write!(f, "the correlation id {id}"),
        }
    }
}

impl Subject {
    /// The earliest time at which it can have begun, if it says so. A number names only a day.
    #[must_use]
    pub fn begins(&self) -> Option<Timestamp> {
        match self {
            Self::Order(id) => {
                let (seconds, nanoseconds) = id.as_uuid().get_timestamp()?.to_unix();
                let nanoseconds = i32::try_from(nanoseconds).ok()?;
                Timestamp::new(i64::try_from(seconds).ok()?, nanoseconds).ok()
            }
            Self::Number(number) => {
                let day = number.as_str().split('-').nth(1)?;
                let day = Date::strptime("%Y%m%d", day).ok()?;
                Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
            }
            Self::Correlation(_) => None,
        }
    }
}

/// Whether `number` is that of the order `id`.
#[must_use]
pub(crate) fn is_number(number: &OrderNumber, id: &str) -> bool {
    OrderId::parse(id).is_ok_and(|id| id.number() == *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019c8019-aa00-7a31-9c40-1f2e6ba0a415";

    #[test]
    fn an_id_a_number_and_a_correlation_id_are_told_apart() {
        let subject = |text: &str| text.parse::<Subject>().unwrap();
        assert!(matches!(subject(ID), Subject::Order(_)));
        assert!(matches!(subject(" ord-20260221-6BA0A415 "), Subject::Number(_)));
        assert!(matches!(subject("checkout-42"), Subject::Correlation(_)));
        for (wrong, expected) in [
            ("ORD-1", "ORD-1 is not an order number"),
            ("two words", "neither the id or number"),
            ("", "Name an order"),
        ] {
            let error = wrong.parse::<Subject>().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn an_id_and_a_number_say_when_the_order_was_placed() {
        let begins = |text: &str| text.parse::<Subject>().unwrap().begins();
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let id = OrderId::parse(ID).unwrap();
        let day = at("2026-02-21T00:00:00Z");
        assert!(begins(ID) > day && begins(ID) < at("2026-02-22T00:00:00Z"));
        assert_eq!(begins(id.number().as_str()), day);
        assert_eq!(begins("checkout-42"), None);
    }

    #[test]
    fn a_number_is_that_of_its_id() {
        let number = OrderId::parse(ID).unwrap().number();
        assert!(is_number(&number, ID));
        assert!(!is_number(&number, "019c8019-aa00-7a31-9c40-000000000000"));
        assert!(!is_number(&number, "none"));
    }
}
