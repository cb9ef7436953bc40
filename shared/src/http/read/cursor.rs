//! Cursors: signed positions in a list. A cursor is only valid for the list and caller that it was
//! made for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::config::CursorSecret;

/// The first byte of a cursor: the version of its layout.
const VERSION: u8 = 1;

/// The length of the tag: the left half of an HMAC-SHA256 (RFC 2104, 5).
const TAG_BYTES: usize = 16;

/// Version, position and tag.
const BYTES: usize = 1 + 16 + TAG_BYTES;

/// The length of a cursor as text. A multiple of three bytes has no padding, so a cursor has one
/// spelling.
const CHARACTERS: usize = BYTES / 3 * 4;

/// The key that signs cursors.
#[derive(Clone)]
pub struct CursorKey(Hmac<Sha256>);

impl CursorKey {
    /// Makes the key from `secret`. Processes with the same secret accept each other's cursors.
    ///
    /// # Errors
    /// None in practice: HMAC accepts keys of any length.
    pub fn new(secret: &CursorSecret) -> Result<Self, InvalidLength> {
        Hmac::new_from_slice(secret.as_bytes()).map(Self)
    }
}

/// The list and caller that a cursor is bound to.
#[derive(Clone, Debug)]
pub(super) struct Binding<'a> {
    /// Method and path.
    pub(super) route: &'static str,
    /// The caller's subject.
    pub(super) subject: &'a str,
    /// The parameters that filter the list, as names and values in a fixed order.
    pub(super) filters: Vec<(&'a str, &'a str)>,
}

/// A position in a list, signed by this service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor([u8; BYTES]);

impl Cursor {
    /// Signs the last id of a page.
    pub(super) fn seal(key: &CursorKey, binding: &Binding<'_>, position: Uuid) -> Self {
        let mut cursor = Self([VERSION; BYTES]);
        let tag = mac(key, binding, position).finalize().into_bytes();
        let content = position.as_bytes().iter().chain(&tag);
        for (byte, content) in cursor.0.iter_mut().skip(1).zip(content) {
            *byte = *content;
        }
        cursor
    }

    /// Parses a cursor that was signed with this key for this list.
    ///
    /// # Errors
    /// A message for the client, which does not say what is wrong with it.
    pub(super) fn parse(
        key: &CursorKey,
        binding: &Binding<'_>,
        text: &str,
    ) -> Result<Self, String> {
        Self::open(key, binding, text).ok_or_else(|| {
            "is not valid for this list and these parameters; start again without it".to_owned()
        })
    }

    fn open(key: &CursorKey, binding: &Binding<'_>, text: &str) -> Option<Self> {
        // Checked before decoding, so that a long text costs nothing.
        if text.len() != CHARACTERS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let cursor = Self(bytes.try_into().ok()?);
        let (&version, rest) = cursor.0.split_first()?;
        let (_, tag) = rest.split_at_checked(16)?;
        let sealed = mac(key, binding, cursor.position()).verify_truncated_left(tag).is_ok();
        (sealed && version == VERSION).then_some(cursor)
    }

    /// The last id of the previous page.
    pub(super) fn position(&self) -> Uuid {
        let mut position = [0; 16];
        for (byte, content) in position.iter_mut().zip(self.0.iter().skip(1)) {
            *byte = *content;
        }
        Uuid::from_bytes(position)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The HMAC of everything that a cursor is bound to. Each part follows its length, so that no two
/// lists have the same bytes.
fn mac(key: &CursorKey, binding: &Binding<'_>, position: Uuid) -> Hmac<Sha256> {
    let mut mac = key.0.clone();
    let mut part = |bytes: &[u8]| {
        mac.update(&(bytes.len() as u64).to_be_bytes());
        mac.update(bytes);
    };
    part(b"waybill cursor");
    part(&[VERSION]);
    part(binding.route.as_bytes());
    part(binding.subject.as_bytes());
    for (name, value) in &binding.filters {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    part(position.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: char) -> CursorKey {
        CursorKey::new(&CursorSecret::new(byte.to_string().repeat(32)).unwrap()).unwrap()
    }

    fn orders<'a>() -> Binding<'a> {
        let filters = vec![("email", "ada@example.com"), ("status", "pending")];
        Binding { route: "GET /orders", subject: "ada", filters }
    }

    fn opens(binding: &Binding<'_>, text: &str) -> bool {
        Cursor::parse(&key('a'), binding, text).is_ok()
    }

    #[test]
    fn a_cursor_opens_where_it_was_sealed() {
        let position = Uuid::now_v7();
        let text = Cursor::seal(&key('a'), &orders(), position).to_string();
        assert_eq!(text.len(), CHARACTERS);
        let cursor = Cursor::parse(&key('a'), &orders(), &text).unwrap();
        assert_eq!((cursor.position(), cursor.to_string()), (position, text));
    }

    #[test]
    fn a_cursor_opens_for_nothing_else_than_it_was_sealed_for() {
        let text = Cursor::seal(&key('a'), &orders(), Uuid::now_v7()).to_string();
        let binding = orders();
        let filters = |filters: &[(&'static str, &'static str)]| Binding {
            filters: filters.to_vec(),
            ..orders()
        };
        for other in [
            Binding { route: "GET /products", ..orders() },
            Binding { subject: "bob", ..orders() },
            Binding { subject: "", ..orders() },
            filters(&[]),
            filters(&[("email", "ada@example.com")]),
            filters(&[("email", "ada@example.com"), ("status", "confirmed")]),
            filters(&[("email", "ada@example.com"), ("statu", "spending")]),
            filters(&[("email", "bob@example.com"), ("status", "pending")]),
            filters(&[("status", "pending"), ("email", "ada@example.com")]),
            filters(&[("email", "ada@example.com"), ("status", "pending"), ("q", "")]),
        ] {
            assert!(!opens(&other, &text), "{other:?}");
        }
        assert!(opens(&binding, &text));
        assert!(Cursor::parse(&key('b'), &binding, &text).is_err());
    }

    #[test]
    fn a_cursor_of_another_version_does_not_open_though_its_tag_is_right() {
        let mut cursor = Cursor::seal(&key('a'), &orders(), Uuid::now_v7());
        assert!(opens(&orders(), &cursor.to_string()));
        cursor.0[0] = 2;
        assert!(!opens(&orders(), &cursor.to_string()));
    }

    #[test]
    fn a_cursor_that_lost_or_gained_something_does_not_open() {
        let text = Cursor::seal(&key('a'), &orders(), Uuid::now_v7()).to_string();
        for length in 0..CHARACTERS {
            assert!(!opens(&orders(), &text[..length]));
        }
        for other in [format!("{text}="), format!("{text} "), format!(" {text}"), text.repeat(1000)]
        {
            assert!(!opens(&orders(), &other));
        }
    }

    proptest! {
        #[test]
        fn whatever_a_cursor_is_changed_to_does_not_open(
            position in any::<u128>(), at in 0..CHARACTERS, other in "[A-Za-z0-9_-]",
        ) {
            let position = Uuid::from_u128(position);
            let text = Cursor::seal(&key('a'), &orders(), position).to_string();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &other);
            prop_assert_eq!(opens(&orders(), &changed), changed == text);
        }

        #[test]
        fn a_text_that_was_not_sealed_does_not_open(
            text in "\\PC*", alike in "[A-Za-z0-9_-]{44}", bytes in any::<[u8; 32]>(),
        ) {
            let mut versioned = [VERSION; BYTES];
            versioned[1..].copy_from_slice(&bytes);
            for text in [text, alike, URL_SAFE_NO_PAD.encode(versioned)] {
                prop_assert!(!opens(&orders(), &text));
            }
        }

        #[test]
        fn what_is_sealed_opens_with_the_same_filters_and_no_others(
            position in any::<u128>(), subject in "\\PC*", name in "\\PC*", value in "\\PC*",
            other in "\\PC*",
        ) {
            let binding = |value| Binding {
                route: "GET /orders", subject: &subject, filters: vec![(&name, value)],
            };
            let text = Cursor::seal(&key('a'), &binding(&value), Uuid::from_u128(position));
            let opened = Cursor::parse(&key('a'), &binding(&value), &text.to_string()).unwrap();
            prop_assert_eq!(opened.position(), Uuid::from_u128(position));
            prop_assert_eq!(opens(&binding(&other), &text.to_string()), other == value);
        }
    }
}
