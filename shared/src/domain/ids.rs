//! Who and what: the identities that orders, products, callers and requests go by.

use std::fmt;

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
            /// Reads the hyphenated form (RFC 9562), in either case.
            ///
            /// # Errors
            /// A sentence for the sender, if `text` is anything else.
            pub fn parse(text: &str) -> Result<Self, String> {
                // `Uuid` also takes braces, URNs and bare digits; one id has one spelling here.
                Uuid::try_parse(text)
                    .ok()
                    .filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
                    .map(Self)
                    .ok_or_else(|| format!("must be the UUID of {}", $what))
            }

            /// The UUID itself, for adapters.
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
    /// Names an order. A UUIDv7, so that ids sort by age.
    OrderId,
    "an order"
);
uuid_id!(
    /// Names a product.
    ProductId,
    "a product"
);

impl OrderId {
    /// A new id, stamped with the present millisecond.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The number that people use for this order: the UTC day of the id and its last 32 bits, which
    /// are random. Two orders of one day can share it; the database refuses the second.
    #[must_use]
    pub fn number(self) -> OrderNumber {
        let (seconds, _) = self.0.get_timestamp().map_or((0, 0), |time| time.to_unix());
        let day = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .strftime("%Y%m%d");
        let tail = self.0.as_u128() & u128::from(u32::MAX);
        OrderNumber(format!("ORD-{day}-{tail:08X}"))
    }
}

/// An order's name for people, such as `ORD-20260221-6BA0A415`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderNumber(String);

impl OrderNumber {
    /// A number that was stored before.
    #[must_use]
    pub fn from_stored(number: String) -> Self {
        Self(number)
    }

    /// The number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose order it is: the subject (`sub`) of a token, which its issuer never gives to anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The most that a subject may have (`OpenID` Connect Core, 2).
    const MAX_LENGTH: usize = 255;

    /// Reads a subject: 1 to 255 visible ASCII characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let sane = (1..=Self::MAX_LENGTH).contains(&text.len());
        (sane && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The owner as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Follows one request through responses, log lines, queue messages and events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// Takes an id that came with a request if it is sane: 1 to 128 of `A-Z a-z 0-9 . _ -`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=128).contains(&text.len()) && text.bytes().all(sane)).then(|| Self(text.to_owned()))
    }

    /// A new id, for a request that brought none.
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

/// A client's name for one request, so that it can be sent twice and done once.
///
/// `Idempotency-Key`, as in the IETF draft of that name: a quoted string, or bare as most clients
/// send it; 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the value of the header. The quotes are not part of the key.
    ///
    /// # Errors
    /// A sentence for the sender, if `text` is no such key.
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
    fn a_number_is_the_day_and_the_tail_of_the_id() {
        // 0x019C8019_AA00 is 1771675691520 ms, 2026-02-21T12:08:11.520Z.
        let id = OrderId::parse("019c8019-aa00-7a31-9c40-1f2e6ba0a415").unwrap();
        assert_eq!(id.number().as_str(), "ORD-20260221-6BA0A415");
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
