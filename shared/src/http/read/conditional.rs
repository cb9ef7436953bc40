//! The headers of conditional requests (RFC 9110, 13).

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Method};
use lambda_http::Request;

use super::request::{Incoming, violation};
use crate::app::Precondition;
use crate::domain::{Seen, Stock, Version};
use crate::http::respond::Problem;

impl<C> Incoming<C> {
    /// The version in `If-Match`. `*` and a missing header both mean any version.
    ///
    /// # Errors
    /// A violation of `If-Match`, if it is not the `ETag` of an order.
    pub fn if_match(&self) -> Result<Option<Version>, Problem> {
        let Some(value) = self.headers().get(IF_MATCH) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match version.and_then(Version::parse) {
            Some(version) => Ok(Some(version)),
            None => Err(violation(
                "If-Match",
                r#"must be the ETag of an order, quoted: "2""#.to_owned(),
            )),
        }
    }

    /// The version in a required `If-Match`.
    ///
    /// # Errors
    /// 428 if there is no version, or as [`if_match`](Self::if_match).
    pub fn required_if_match(&self) -> Result<Version, Problem> {
        self.if_match()?.ok_or_else(Problem::precondition_required)
    }

    /// The precondition of a `PUT` of a product: `If-None-Match: *` to create it, or `If-Match`
    /// with its `ETag` to replace it. `If-Match: *` counts as none, since it names no version.
    ///
    /// # Errors
    /// 428 without a precondition, or a violation of a header with another form.
    pub fn precondition(&self) -> Result<Precondition, Problem> {
        let text = |name| Some(self.headers().get(name)?.to_str().unwrap_or_default().trim());
        match (text(IF_MATCH), text(IF_NONE_MATCH)) {
            (None | Some("*"), None) => Err(Problem::put_precondition_required()),
            (None, Some("*")) => Ok(Precondition::Absent),
            (None, Some(_)) => {
                Err(violation("If-None-Match", "must be * on this route".to_owned()))
            }
            (Some(_), Some(_)) => {
                let detail = "can't be combined with If-Match".to_owned();
                Err(violation("If-None-Match", detail))
            }
            (Some(tag), None) => seen(tag).map(Precondition::Unchanged).ok_or_else(|| {
                violation("If-Match", r#"must be the ETag of a product, quoted: "7-41""#.to_owned())
            }),
        }
    }
}

/// Parses the `ETag` of a product, with or without its stock.
fn seen(tag: &str) -> Option<Seen> {
    let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
    let (version, stock) = match tag.split_once('-') {
        Some((version, stock)) => (version, Some(Stock::parse(stock)?)),
        None => (tag, None),
    };
    Some(Seen { version: Version::parse(version)?, stock })
}

/// The `ETag`s in the `If-None-Match` of a read.
pub(in crate::http) struct Known(Vec<HeaderValue>);

impl Known {
    /// Empty for a request that writes.
    pub(in crate::http) fn of(request: &Request) -> Self {
        let lists = request.headers().get_all(IF_NONE_MATCH).iter();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        Self(if is_read { lists.cloned().collect() } else { Vec::new() })
    }

    /// Whether `tag` or `*` is in a list. The comparison is weak. A malformed list is empty.
    pub(in crate::http) fn has(&self, tag: &str) -> bool {
        self.0.iter().filter_map(|value| value.to_str().ok()).any(|list| {
            list.trim() == "*" || opaque_tags(list).is_some_and(|tags| tags.contains(&tag))
        })
    }
}

/// The tags of a list, with quotes and without `W/`; none if the list is malformed. A tag may
/// contain a comma.
fn opaque_tags(mut list: &str) -> Option<Vec<&str>> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_start_matches([' ', '\t', ',']);
        if list.is_empty() {
            return Some(tags);
        }
        list = list.strip_prefix("W/").unwrap_or(list);
        let end = list.strip_prefix('"')?.find('"')? + 2;
        let (tag, rest) = list.split_at_checked(end)?;
        list = rest.trim_start_matches([' ', '\t']);
        if !(list.is_empty() || list.starts_with(',')) {
            return None;
        }
        tags.push(tag);
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderName;
    use lambda_http::Body;

    use super::*;
    use crate::http::routes;

    fn precondition(headers: &[(HeaderName, &str)]) -> Option<Precondition> {
        let mut request = Request::new(Body::Empty);
        for (name, value) in headers {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        Incoming::of_anyone(request, routes::PUT_PRODUCT).precondition().ok()
    }

    fn known(lists: &[&str]) -> bool {
        let lists = lists.iter().map(|list| list.parse().unwrap());
        Known(lists.collect()).has("\"7-41\"")
    }

    fn if_match(value: &str) -> Result<Option<Version>, Problem> {
        let mut request = Request::new(Body::Empty);
        request.headers_mut().insert(IF_MATCH, value.parse().unwrap());
        Incoming::of_anyone(request, routes::CANCEL_ORDER).if_match()
    }

    #[test]
    fn if_match_is_the_version_of_an_etag() {
        assert_eq!(if_match("\"3\"").ok(), Some(Version::new(3)));
        assert_eq!(if_match("*").ok(), Some(None));
        for value in ["3", "\"\"", "\"0\"", "\"-1\"", "\"a\"", "W/\"3\"", "\"3\", \"4\""] {
            assert!(if_match(value).is_err(), "{value}");
        }
        let without = Incoming::of_anyone(Request::new(Body::Empty), routes::CANCEL_ORDER);
        assert_eq!(without.if_match().ok(), Some(None));
        assert!(without.required_if_match().is_err());
    }

    #[test]
    fn a_put_creates_or_replaces_what_somebody_saw() {
        assert_eq!(precondition(&[(IF_NONE_MATCH, "*")]), Some(Precondition::Absent));
        let unchanged = |version, stock| {
            let version = Version::new(version)?;
            Some(Precondition::Unchanged(Seen { version, stock }))
        };
        assert_eq!(precondition(&[(IF_MATCH, "\"7-41\"")]), unchanged(7, Stock::new(41)));
        assert_eq!(precondition(&[(IF_MATCH, "\"7-0\"")]), unchanged(7, Stock::new(0)));
        assert_eq!(precondition(&[(IF_MATCH, "\"7\"")]), unchanged(7, None));
    }

    #[test]
    fn a_put_that_asks_for_something_else_is_refused() {
        for headers in [
            &[][..],
            &[(IF_MATCH, "*")],
            &[(IF_NONE_MATCH, "\"7-41\"")],
            &[(IF_MATCH, "\"7-41\""), (IF_NONE_MATCH, "*")],
        ] {
            assert_eq!(precondition(headers), None, "{headers:?}");
        }
        for tag in [
            "7",
            "\"\"",
            "\"0\"",
            "\"0-1\"",
            "\"-1\"",
            "\"7-\"",
            "\"7--1\"",
            "\"7-1-1\"",
            "\"a\"",
            "W/\"7-41\"",
            "\"7-41\", \"8-41\"",
            "\"7-2147483648\"",
            "\"9223372036854775808\"",
        ] {
            assert_eq!(precondition(&[(IF_MATCH, tag)]), None, "{tag}");
        }
    }

    #[test]
    fn a_tag_is_known_if_any_list_has_it_weak_or_strong() {
        for list in [
            "\"7-41\"",
            "W/\"7-41\"",
            " \"7-41\" ",
            "*",
            "\"1\", W/\"2\" ,\"7-41\"",
            ",, \"a,b\",\"7-41\"",
            "\"\",\"7-41\",",
        ] {
            assert!(known(&[list]), "{list}");
        }
        assert!(known(&["\"1\"", "\"7-41\""]));
    }

    #[test]
    fn a_tag_is_not_known_from_another_or_from_what_is_no_list() {
        for list in [
            "",
            "\"7-42\"",
            "7-41",
            "\"7-41",
            "w/\"7-41\"",
            "\"x\"\"7-41\"",
            "\"x\" \"7-41\"",
            "\"a, \"7-41\", b\"",
            "\"*\"",
            "\"é\"",
        ] {
            assert!(!known(&[list]), "{list}");
        }
        assert!(!known(&[]));
    }
}
