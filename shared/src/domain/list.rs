//! Queries of lists, and pages.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use super::ids::{OrderId, OrderNumber, ProductId};
use super::new_order::CustomerEmail;
use super::status::Status;

/// Which orders to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct OrderQuery {
    /// The size of the page.
    pub limit: PageSize,
    /// Only orders with a lower id; none for the first page.
    pub below: Option<OrderId>,
    /// Only the order with this number; nothing else but `limit` is set then.
    pub number: Option<OrderNumber>,
    /// Only orders with this status.
    pub status: Option<Status>,
    /// Only orders of this address; case is ignored.
    pub email: Option<CustomerEmail>,
    /// Only orders placed at or after this time.
    pub placed_after: Option<DateTime>,
    /// Only orders placed before this time.
    pub placed_before: Option<DateTime>,
}

/// Which products to list, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProductQuery {
    /// The size of the page.
    pub limit: PageSize,
    /// Only products with a higher id; none for the first page.
    pub above: Option<ProductId>,
    /// Only products whose name contains this.
    pub search: Option<Search>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether there is a next page.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A page from the entries found with [`PageSize::and_one`].
    #[must_use]
    pub fn new(mut found: Vec<T>, limit: PageSize) -> Self {
        let size = usize::from(limit.get());
        let has_more = found.len() > size;
        found.truncate(size);
        Self { entries: found, has_more }
    }

    /// The last entry, if there is a next page.
    #[must_use]
    pub fn last_before_more(&self) -> Option<&T> {
        self.entries.last().filter(|_| self.has_more)
    }
}

/// The size of a page: 1 to 100, by default 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageSize(u8);

impl Default for PageSize {
    fn default() -> Self {
        Self(10)
    }
}

impl PageSize {
    /// Parses a number from 1 to 100.
    ///
    /// # Errors
    /// A message for the client if `text` is anything else.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .ok()
            .filter(|size| (1..=100).contains(size))
            .map(Self)
            .ok_or_else(|| "must be a number from 1 to 100".to_owned())
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// One more than the size, to find out whether there is a next page.
    #[must_use]
    pub fn and_one(self) -> i64 {
        i64::from(self.0) + 1
    }
}

/// A time in whole microseconds, as orders are stored: the requested time, rounded up, so that
/// comparisons have the same result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime(Timestamp);

impl DateTime {
    /// Parses an RFC 3339 time with `Z` or an offset.
    ///
    /// # Errors
    /// A message for the client if `text` is anything else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let ceiling = TimestampRound::new().smallest(Unit::Microsecond).mode(RoundMode::Ceil);
        is_rfc3339(text)
            .then(|| text.parse::<Timestamp>().ok()?.round(ceiling).ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| {
                "must be a time as in RFC 3339, such as 2026-02-21T12:00:00Z; the + of an offset is \
                 %2B in a URL"
                    .to_owned()
            })
    }

    /// The time.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

/// Whether `text` has the form of RFC 3339, 5.6; the parser of `jiff` accepts others too.
fn is_rfc3339(text: &str) -> bool {
    let has_form = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'T' => byte.eq_ignore_ascii_case(&b'T'),
                b'+' => matches!(byte, b'+' | b'-'),
                _ => byte == form,
            })
    };
    let Some((date_time, rest)) = text.split_at_checked(19) else { return false };
    let offset_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (fraction, offset) = rest.split_at(offset_at);
    let fraction_ok = match fraction.strip_prefix('.') {
        Some(digits) => {
            (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => fraction.is_empty(),
    };
    has_form(date_time, "0000-00-00T00:00:00")
        && fraction_ok
        && (offset.eq_ignore_ascii_case("Z") || has_form(offset, "+00:00"))
}

/// A part of a product's name: 1 to 100 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Search(String);

impl Search {
    /// Parses the text, which keeps its white space.
    ///
    /// # Errors
    /// A message for the client if it is empty, too long, or has control characters.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
            return Err("must have 1 to 100 characters and no control characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_has_1_to_100_entries_and_10_unless_asked_otherwise() {
        assert_eq!(PageSize::default().get(), 10);
        assert_eq!(PageSize::parse("100"), Ok(PageSize(100)));
        for limit in ["", "0", "-1", "101", "256", "ten", "1.5", " 1"] {
            assert!(PageSize::parse(limit).is_err(), "{limit}");
        }
    }

    #[test]
    fn one_more_than_the_page_holds_means_that_there_is_more() {
        let two = PageSize(2);
        assert_eq!(Page::new(vec![1, 2, 3], two), Page { entries: vec![1, 2], has_more: true });
        assert_eq!(Page::new(vec![1, 2, 3], two).last_before_more(), Some(&2));
        assert_eq!(Page::new(vec![1, 2], two).last_before_more(), None);
        assert_eq!(Page::<i32>::new(vec![], two), Page { entries: vec![], has_more: false });
    }

    #[test]
    fn a_time_is_one_of_rfc_3339() {
        let same = ["2026-02-21T12:00:00Z", "2026-02-21t13:00:00.000000000+01:00"];
        let [first, second] = same.map(|text| DateTime::parse(text).unwrap());
        assert_eq!(first, second);
        for text in [
            "0000-01-01T00:00:00Z",
            "9999-12-30T21:59:59.999999999-00:00",
            "2026-02-21T12:00:00.5-12:30",
        ] {
            assert!(DateTime::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-02-21",
            "2026-02-21T12:00Z",
            "2026-02-21T12:00:00",
            "2026-02-21 12:00:00Z",
            "2026-02-21T12:00:00 01:00",
            "2026-02-21T12:00:00+01",
            "2026-02-21T12:00:00+0100",
            "2026-02-21T12:00:00,5Z",
            "2026-02-21T12:00:00.Z",
            "2026-02-21T12:00:00.0000000001Z",
            "2026-02-21T12:00:00Z[UTC]",
            "2026-02-30T12:00:00Z",
            "2026-02-21T24:00:00Z",
            "20260221T120000Z",
            "-009999-01-02T01:59:59Z",
            "1771675200",
        ] {
            assert!(DateTime::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_between_two_microseconds_is_the_later_of_them() {
        let instant = |text| DateTime::parse(text).unwrap().timestamp().as_microsecond();
        let whole = instant("2026-02-21T12:00:00.000001Z");
        assert_eq!(instant("2026-02-21T12:00:00.000000001Z"), whole);
        assert_eq!(instant("2026-02-21T12:00:00.000001001Z"), whole + 1);
        assert_eq!(instant("1969-12-31T23:59:59.999999999Z"), 0);
    }

    #[test]
    fn a_search_is_1_to_100_characters() {
        assert_eq!(Search::parse(" 50% ").unwrap().as_str(), " 50% ");
        assert!(Search::parse(&"ß".repeat(100)).is_ok());
        for text in ["", "a\0b", "a\nb", &"x".repeat(101)] {
            assert!(Search::parse(text).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_a_parser_panic(text in "\\PC*", time in "[-+.:TZz0-9 ]{0,40}") {
            let _ = (PageSize::parse(&text), Search::parse(&text), DateTime::parse(&text));
            let _ = DateTime::parse(&time);
        }
    }
}
