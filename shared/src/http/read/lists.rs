//! Lists: parameters in, a page with a link to the next one out.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::body::status;
use super::cursor::{Binding, Cursor, CursorKey};
use super::parameters::Parameters;
use super::request::Incoming;
use crate::domain::{
    CustomerEmail, DateTime, OrderId, OrderNumber, OrderQuery, OrderSummary, Page, PageSize,
    Product, ProductId, ProductQuery, Scope, Search,
};
use crate::http::respond::{NextPage, Problem, Reply};
use crate::http::routes;

/// The characters to escape in a URL (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request for a page of a list.
pub struct List<'a, Query> {
    query: Query,
    key: &'a CursorKey,
    binding: Binding<'a>,
    /// The parameters of the next page, without the cursor.
    parameters: Vec<(&'static str, &'a str)>,
}

/// Reads a request for a list of orders. Only staff may filter by email.
///
/// # Errors
/// 403 for `email` without the scope, or a violation of each malformed parameter.
pub fn read_order_list<'a>(
    request: &'a Incoming,
    key: &'a CursorKey,
) -> Result<List<'a, OrderQuery>, Problem> {
    let asks_for_email = request.parameters().get("email").is_some();
    if asks_for_email && !request.context().caller.has_any(&[Scope::Staff]) {
        return Err(Problem::forbidden(&[Scope::Staff]));
    }
    List::read(request, key, routes::LIST_ORDERS.path, |parameters, position| {
        let query = OrderQuery {
            limit: parameters.parse("limit", PageSize::parse).unwrap_or_default(),
            below: position.map(OrderId::from),
            number: parameters.parse("number", OrderNumber::parse),
            status: parameters.parse("status", status),
            email: parameters.parse("email", CustomerEmail::parse),
            placed_after: parameters.parse("placed_after", DateTime::parse),
            placed_before: parameters.parse("placed_before", DateTime::parse),
        };
        if let (Some(after), Some(before)) = (query.placed_after, query.placed_before)
            && after >= before
        {
            parameters.refuse("placed_after", "must be earlier than placed_before");
        }
        if query.number.is_some() && !parameters.except(&["number", "limit"]).is_empty() {
            parameters.refuse("number", "can't be combined with a cursor or another filter");
        }
        query
    })
}

/// Reads a request for a list of products.
///
/// # Errors
/// A violation of each malformed parameter.
pub fn read_product_list<'a>(
    request: &'a Incoming,
    key: &'a CursorKey,
) -> Result<List<'a, ProductQuery>, Problem> {
    List::read(request, key, routes::LIST_PRODUCTS.path, |parameters, position| ProductQuery {
        limit: parameters.parse("limit", PageSize::parse).unwrap_or_default(),
        above: position.map(ProductId::from),
        search: parameters.parse("q", Search::parse),
    })
}

impl<'a, Query> List<'a, Query> {
    /// The query for the store.
    #[must_use]
    pub fn query(&self) -> &Query {
        &self.query
    }

    fn read(
        request: &'a Incoming,
        key: &'a CursorKey,
        route: &'static str,
        query: impl FnOnce(&mut Parameters<'a>, Option<Uuid>) -> Query,
    ) -> Result<Self, Problem> {
        let mut parameters = request.parameters();
        // The raw values, which clients repeat for the next page.
        let filters = parameters.except(&["limit", "cursor"]);
        let binding =
            Binding { route, subject: request.context().caller.subject().as_str(), filters };
        let cursor = parameters.parse("cursor", |text| Cursor::parse(key, &binding, text));
        let query = query(&mut parameters, cursor.map(|cursor| cursor.position()));
        parameters.check()?;
        Ok(Self { query, key, binding, parameters: parameters.except(&["cursor"]) })
    }

    /// The page after `position`: the URL of the list with another query (RFC 3986, 5.3).
    fn next(&self, position: Uuid) -> NextPage {
        let cursor = Cursor::seal(self.key, &self.binding, position).to_string();
        let mut target = "?".to_owned();
        for (name, value) in &self.parameters {
            target.extend([name, "="]);
            target.extend(utf8_percent_encode(value, RESERVED));
            target.push('&');
        }
        target.extend(["cursor=", &cursor]);
        NextPage { cursor, target }
    }
}

impl List<'_, OrderQuery> {
    /// A reply with `page`.
    #[must_use]
    pub fn reply(&self, page: &Page<OrderSummary>) -> Reply {
        let next = page.last_before_more().map(|last| self.next(last.id.as_uuid()));
        Reply::orders(&page.entries, next.as_ref())
    }
}

impl List<'_, ProductQuery> {
    /// A reply with `page`.
    #[must_use]
    pub fn reply(&self, page: &Page<Product>) -> Reply {
        let next = page.last_before_more().map(|last| self.next(last.id.as_uuid()));
        Reply::products(&page.entries, next.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lambda_http::{Body, Request, RequestExt};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::config::CursorSecret;
    use crate::domain::{Caller, CorrelationId, Owner, Status};
    use crate::http::read::Trail;
    use crate::http::route::Route;

    fn key() -> CursorKey {
        CursorKey::new(&CursorSecret::new("a".repeat(32)).unwrap()).unwrap()
    }

    fn incoming(parameters: &[(&str, &str)]) -> Incoming {
        incoming_with(Scope::Staff, routes::LIST_ORDERS, parameters)
    }

    fn incoming_for_products(parameters: &[(&str, &str)]) -> Incoming {
        incoming_with(Scope::Read, routes::LIST_PRODUCTS, parameters)
    }

    fn incoming_with(scope: Scope, route: Route, parameters: &[(&str, &str)]) -> Incoming {
        let mut query = HashMap::<String, Vec<String>>::new();
        for (name, value) in parameters {
            query.entry((*name).to_owned()).or_default().push((*value).to_owned());
        }
        let request = Request::new(Body::Empty).with_query_string_parameters(query);
        let trail = Trail::of(&request);
        let caller = Caller::new(Owner::parse("ada").unwrap(), [scope]);
        Incoming::of(request, caller, trail, route)
    }

    /// The parameters that have violations.
    fn wrong(parameters: &[(&str, &str)]) -> Vec<String> {
        let (request, key) = (incoming(parameters), key());
        let Err(problem) = read_order_list(&request, &key) else { return Vec::new() };
        let response = problem.respond(&CorrelationId::generate());
        assert_eq!(response.status(), 400);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        let errors = body["errors"].as_array().unwrap();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_list_without_parameters_begins_at_the_beginning() {
        let (request, key) = (incoming(&[]), key());
        let list = read_order_list(&request, &key).ok().unwrap();
        let query = list.query();
        assert_eq!((query.limit.get(), query.below, query.status), (10, None, None));
        assert!(query.email.is_none() && query.placed_after.is_none());
    }

    #[test]
    fn the_parameters_are_read() {
        let (request, key) = (
            incoming(&[
                ("limit", "7"),
                ("status", "shipped"),
                ("email", "Ada@example.com"),
                ("placed_after", "2026-02-21T12:00:00+01:00"),
                ("placed_before", "2026-02-21T12:00:00Z"),
            ]),
            key(),
        );
        let list = read_order_list(&request, &key).ok().unwrap();
        let query = list.query();
        assert_eq!((query.limit.get(), query.status), (7, Some(Status::Shipped)));
        assert_eq!(query.email.as_ref().unwrap().as_str(), "Ada@example.com");
        let instant = |text| Some(DateTime::parse(text).unwrap());
        assert_eq!(query.placed_after, instant("2026-02-21T11:00:00Z"));
        assert_eq!(query.placed_before, instant("2026-02-21T12:00:00Z"));
    }

    #[test]
    fn a_number_goes_with_a_limit_and_with_nothing_else() {
        let (number, key) = (("number", "ORD-20260221-A9JW0-0Z5SN-T190N"), key());
        let request = incoming(&[number, ("limit", "5")]);
        let list = read_order_list(&request, &key).ok().unwrap();
        assert_eq!(list.query().number.as_ref().unwrap().as_str(), number.1);
        let time = "2026-02-21T12:00:00Z";
        for other in [
            ("status", "pending"),
            ("email", "ada@example.com"),
            ("placed_after", time),
            ("placed_before", time),
        ] {
            assert_eq!(wrong(&[number, other]), ["number"], "{other:?}");
        }
        let request = incoming(&[]);
        let list = read_order_list(&request, &key).ok().unwrap();
        let cursor = list.next(Uuid::now_v7()).cursor;
        // The cursor is that of another list, too.
        assert_eq!(wrong(&[number, ("cursor", &cursor)]), ["cursor", "number"]);
        for malformed in ["ORD-20260221", "ord-20260221-6ba0a415", "6BA0A415"] {
            assert_eq!(wrong(&[("number", malformed)]), ["number"]);
        }
    }

    #[test]
    fn only_staff_ask_for_an_address() {
        let key = key();
        for email in ["ada@example.com", "", "nobody"] {
            let parameters = [("email", email), ("limit", "0")];
            let request = incoming_with(Scope::Read, routes::LIST_ORDERS, &parameters);
            let Err(problem) = read_order_list(&request, &key) else { panic!("{email}") };
            assert_eq!(problem.respond(&CorrelationId::generate()).status(), 403);
        }
        let parameters = [("status", "pending")];
        let request = incoming_with(Scope::Read, routes::LIST_ORDERS, &parameters);
        assert!(read_order_list(&request, &key).is_ok());
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let mut wrong = wrong(&[
            ("limit", "0"),
            ("cursor", "AAAA"),
            ("number", "1"),
            ("status", "lost"),
            ("email", "ada@"),
            ("placed_after", "yesterday"),
            ("placed_before", "2026-02-21T12:00:00 01:00"),
        ]);
        wrong.sort();
        let mut expected = routes::LIST_ORDERS.parameters.to_vec();
        expected.sort_unstable();
        assert_eq!(wrong, expected);
    }

    #[test]
    fn a_parameter_that_is_empty_repeated_or_out_of_order_is_refused() {
        for name in routes::LIST_ORDERS.parameters {
            assert_eq!(wrong(&[(name, "")]), [*name]);
        }
        for name in routes::LIST_PRODUCTS.parameters {
            let request = incoming_for_products(&[(name, "")]);
            assert!(read_product_list(&request, &key()).is_err(), "{name}");
        }
        assert_eq!(wrong(&[("status", "pending"), ("status", "pending")]), ["status"]);
        assert_eq!(wrong(&[("status", "pending,confirmed")]), ["status"]);
        let (early, late) = ("2026-02-21T12:00:00Z", "2026-02-21T12:00:01Z");
        assert!(wrong(&[("placed_after", early), ("placed_before", late)]).is_empty());
        for (after, before) in [(early, early), (late, early)] {
            let wrong = wrong(&[("placed_after", after), ("placed_before", before)]);
            assert_eq!(wrong, ["placed_after"]);
        }
    }

    #[test]
    fn the_next_page_is_asked_for_with_the_same_parameters_and_the_cursor() {
        let key = key();
        let parameters = [("limit", "5"), ("q", "50% <ink> & \"pön\";")];
        let request = incoming_for_products(&parameters);
        let list = read_product_list(&request, &key).ok().unwrap();
        let position = Uuid::now_v7();
        let NextPage { cursor, target } = list.next(position);
        let q = "50%25%20%3Cink%3E%20%26%20%22p%C3%B6n%22%3B";
        assert_eq!(target, format!("?limit=5&q={q}&cursor={cursor}"));

        let again = [parameters[0], parameters[1], ("cursor", &*cursor)];
        let request = incoming_for_products(&again);
        let next = read_product_list(&request, &key).ok().unwrap();
        assert_eq!(next.query().above, Some(ProductId::from(position)));
        // The link does not grow from page to page.
        assert_eq!(next.next(position).target, target);
    }

    #[test]
    fn a_cursor_is_for_its_filters_and_for_any_limit() {
        let key = key();
        let request = incoming(&[("status", "pending"), ("limit", "5")]);
        let cursor = read_order_list(&request, &key).ok().unwrap().next(Uuid::now_v7()).cursor;
        assert!(wrong(&[("status", "pending"), ("cursor", &cursor)]).is_empty());
        assert!(wrong(&[("limit", "6"), ("status", "pending"), ("cursor", &cursor)]).is_empty());
        assert_eq!(wrong(&[("cursor", &cursor)]), ["cursor"]);
        assert_eq!(wrong(&[("status", "shipped"), ("cursor", &cursor)]), ["cursor"]);
        let request = incoming_for_products(&[("cursor", &cursor)]);
        assert!(read_product_list(&request, &key).is_err());
    }

    proptest! {
        #[test]
        fn no_query_string_makes_the_reader_panic(
            parameters in prop::collection::vec(
                ("limit|cursor|number|status|email|placed_after|placed_before|q|\\PC{0,4}", "\\PC*"), 0..8,
            ),
        ) {
            let parameters: Vec<_> =
                parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let (orders, products) = (incoming(&parameters), incoming_for_products(&parameters));
            let _ = (read_order_list(&orders, &key()), read_product_list(&products, &key()));
        }
    }
}
