//! The ids of orders, products, owners and requests.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Parses the hyphenated form (RFC 9562), in either case.
            ///
            /// # Errors
            /// A message for the client if `text` has another form.
            pub fn parse(text: &str) -> Result<Self, String> {
                // `Uuid` also accepts braces, URNs and bare digits; here an id has one spelling.
                Uuid::try_parse(text)
                    .ok()
                    .filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
                    .map(Self)
                    .ok_or_else(|| format!("must be the UUID of {}", $what))
            }

            /// The UUID, for adapters.
            #[must_use]
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

uuid_id!(
    /// The id of an order: a UUIDv7, so ids sort by age.
    OrderId,
    "an order"
);
uuid_id!(
    /// The id of a product.
    ProductId,
    "a product"
);

impl OrderId {
    /// A new id with the current millisecond.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The lowest id that an order of this millisecond since 1970 can have: a UUIDv7 begins with
    /// the 48 bits of that number (RFC 9562, 5.7).
    #[must_use]
    pub fn first_at(milliseconds: i64) -> Self {
        const LAST: u128 = (1 << 48) - 1;
        let milliseconds = u128::try_from(milliseconds).unwrap_or(0).min(LAST);
        Self(Uuid::from_u128(milliseconds << 80))
    }

    /// The lowest id of an order that is at most this much older than this one.
    #[must_use]
    pub fn first_within(self, period: Duration) -> Self {
        let period = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
        Self::first_at(self.milliseconds().saturating_sub(period))
    }

    /// A number that picks the bucket from which the order takes its stock: the last 31 bits of the id,
    /// which are random.
    #[must_use]
    pub fn pick(self) -> i32 {
        i32::try_from(self.0.as_u128() & 0x7FFF_FFFF).unwrap_or(0)
    }

    /// When the id was made, in milliseconds since 1970.
    fn milliseconds(self) -> i64 {
        i64::try_from(self.0.as_u128() >> 80).unwrap_or(0)
    }

    /// The number of this order: the UTC day of the id and 75 bits in base 32, of which 27 are the
    /// millisecond of the day and 48 are the random end of the id. So numbers sort by age. Two
    /// orders of one millisecond have the same number with a chance of 1 in 2⁴⁸; the database then
    /// refuses the second.
    #[must_use]
    pub fn number(self) -> OrderNumber {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        let milliseconds = self.milliseconds();
        let day = Timestamp::from_millisecond(milliseconds)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .strftime("%Y%m%d");
        let of_day = u128::try_from(milliseconds.rem_euclid(DAY)).unwrap_or(0);
        let tail = of_day << 48 | (self.0.as_u128() & ((1 << 48) - 1));
        let digit = |place: u32| {
            let digit = (tail >> (5 * place)) & 31;
            usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit)).copied().unwrap_or(b'0')
        };
        let group = |low: u32| (low..low + 5).rev().map(|place| char::from(digit(place)));
        let (high, middle, low): (String, String, String) =
            (group(10).collect(), group(5).collect(), group(0).collect());
        OrderNumber(format!("ORD-{day}-{high}-{middle}-{low}"))
    }
}

/// Crockford's base 32: digits and letters without I, L, O and U, which are easily misread.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The number of an order, for people, such as `ORD-20260221-A9JW0-0Z5SN-T190N`. Older orders have
/// 8 hexadecimal digits after the day: `ORD-20260221-6BA0A415`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct OrderNumber(String);

impl OrderNumber {
    /// The form of a number, as a regular expression: the constraint `orders_number_form`, and the
    /// pattern in the API description.
    pub const PATTERN: &str =
        "^ORD-[0-9]{8}-([0-9A-F]{8}|[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){2})$";

    /// Parses a number.
    ///
    /// # Errors
    /// A message for the client if `text` has another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned()).map_err(|_| {
            "must be an order number, such as ORD-20260221-A9JW0-0Z5SN-T190N".to_owned()
        })
    }

    /// The number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OrderNumber {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_day = |day: &str| day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        let is_old = |tail: &str| tail.len() == 8 && tail.bytes().all(is_hex);
        let is_group = |group: &str| group.len() == 5 && group.bytes().all(|b| DIGITS.contains(&b));
        let is_new = |tail: &str| tail.split('-').count() == 3 && tail.split('-').all(is_group);
        let parts = text.strip_prefix("ORD-").and_then(|rest| rest.split_once('-'));
        if parts.is_some_and(|(day, tail)| is_day(day) && (is_old(tail) || is_new(tail))) {
            Ok(Self(text))
        } else {
            Err("not an order number")
        }
    }
}

/// The owner of an order: the subject (`sub`) of a token. The same subject of another issuer is
/// another owner, so the issuer is part of the owner, unless it is the first issuer of the
/// database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The longest subject (`OpenID` Connect Core, 2).
    const MAX_LENGTH: usize = 255;

    /// Parses a subject: 1 to 255 visible ASCII characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let sane = (1..=Self::MAX_LENGTH).contains(&text.len());
        (sane && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The subject of an issuer other than the first. A subject has no spaces, so no two owners
    /// have the same text. The issuer is 1 to 1024 visible ASCII characters.
    #[must_use]
    pub fn of_issuer(issuer: &str, subject: &str) -> Option<Self> {
        let sane = (1..=1024).contains(&issuer.len());
        let Self(subject) = Self::parse(subject)?;
        (sane && issuer.bytes().all(|byte| byte.is_ascii_graphic()))
            .then(|| Self(format!("{issuer} {subject}")))
    }

    /// The owner as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Identifies one request in responses, log lines, jobs and events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// Parses the id of a request: 1 to 128 of `A-Z a-z 0-9 . _ -`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=128).contains(&text.len()) && text.bytes().all(sane)).then(|| Self(text.to_owned()))
    }

    /// A new id, for a request without one.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A client's key for one request, so that sending it twice has the effect of once.
///
/// The header `Idempotency-Key` of the IETF draft: a quoted string, or bare as most clients send
/// it, of 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses the value of the header. The quotes are not part of the key.
    ///
    /// # Errors
    /// A message for the client if `text` is not a key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        if (1..=255).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(bare.to_owned()))
        } else {
            Err("must be 1 to 255 visible ASCII characters".to_owned())
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        assert!(OrderId::parse("019e0a3c-5d7e-7a31-9c40-1f2e6ba0a415").is_ok());
        for text in [
            "",
            "1",
            "019e0a3c5d7e7a319c401f2e6ba0a415",
            "{019e0a3c-5d7e-7a31-9c40-1f2e6ba0a415}",
            "urn:uuid:019e0a3c-5d7e-7a31-9c40-1f2e6ba0a415",
            "019e0a3c-5d7e-7a31-9c40-1f2e6ba0a41g",
        ] {
            assert!(OrderId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_the_day_the_millisecond_and_the_tail_of_the_id() {
        // 0x019C8019_AA00 is 1771675691520 ms, 2026-02-21T12:08:11.520Z. The rest is (43691520 <<
        // 48) + 0x1F2E6BA0A415 in Crockford's base 32, computed by other means.
        let id = OrderId::parse("019c8019-aa00-7a31-9c40-1f2e6ba0a415").unwrap();
        assert_eq!(id.number().as_str(), "ORD-20260221-ADAW0-0Z5SN-T190N");
        // The last millisecond of the day, with all bits set.
        let id = OrderId::parse("019c82a5-57ff-7fff-bfff-ffffffffffff").unwrap();
        assert_eq!(id.number().as_str(), "ORD-20260221-MK5QZ-ZZZZZ-ZZZZZ");
    }

    #[test]
    fn a_number_has_one_of_two_forms() {
        let number = |text: &str| OrderNumber::try_from(text.to_owned());
        for text in ["ORD-20260221-6BA0A415", "ORD-20260221-A9JW0-0Z5SN-T190N"] {
            assert_eq!(number(text).unwrap().as_str(), text);
        }
        let generated = OrderId::generate().number();
        assert_eq!(number(generated.as_str()), Ok(generated));
        for text in [
            "",
            "ORD-",
            "ORD-20260221",
            "ORD-2026022-6BA0A415",
            "ORD-20260221-6BA0A41",
            "ORD-20260221-6ba0a415",
            "ORD-20260221-6BA0A41G",
            "ORD-20260221-A9JW0-0Z5SN",
            "ORD-20260221-A9JW0-0Z5SN-T190I",
            "ORD-20260221-A9JW0-0Z5SN-T190N-",
            "ORD-20260221-A9JW00Z5SNT190N",
            "ord-20260221-6BA0A415",
            " ORD-20260221-6BA0A415",
        ] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_of_later_milliseconds_sort_later() {
        let numbers: Vec<_> = (0..2000)
            .map(|n| OrderId::from(Uuid::from_u128(((1_795_176_000_000 + n * 43_199) << 80) | n)))
            .map(|id| id.number().as_str().to_owned())
            .collect();
        assert!(numbers.is_sorted());
    }

    #[test]
    fn a_hundred_thousand_orders_at_once_have_numbers_of_their_own() {
        let ids = std::iter::repeat_with(OrderId::generate).take(100_000);
        let numbers: HashSet<_> = ids.map(|id| id.number().as_str().to_owned()).collect();
        assert_eq!(numbers.len(), 100_000);
    }

    #[test]
    fn ids_made_later_sort_later() {
        let ids: Vec<_> = std::iter::repeat_with(OrderId::generate).take(100).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn an_idempotency_key_is_the_same_with_and_without_quotes() {
        assert_eq!(IdempotencyKey::parse("\"a-1\""), IdempotencyKey::parse("a-1"));
        assert!(IdempotencyKey::parse(&"x".repeat(255)).is_ok());
        for text in ["", "\"\"", "a b", "é", "a\n", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_owner_is_a_subject_that_an_issuer_may_give() {
        for text in ["a", "auth0|5f7c8ec7c33c6c004bbafe82", &"x".repeat(255)] {
            assert_eq!(Owner::parse(text).unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "a\n", "é", &"x".repeat(256)] {
            assert_eq!(Owner::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_correlation_id_is_taken_only_if_it_is_sane() {
        assert!(CorrelationId::parse("a.B_9-").is_some());
        assert!(CorrelationId::parse(&"x".repeat(128)).is_some());
        for text in ["", "a b", "a\nb", "é", "{}", &"x".repeat(129)] {
            assert!(CorrelationId::parse(text).is_none(), "{text}");
        }
    }
}
