//! Lists of orders: which statement reads a page, and from which id to which.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::connection::QueryError;
use super::{
    Database, LIST_ALL_ORDERS, LIST_ALL_ORDERS_IN_STATUS, LIST_ORDERS_BY_EMAIL,
    LIST_ORDERS_BY_EMAIL_AND, LIST_OWN_ORDERS, LIST_OWN_ORDERS_IN_STATUS,
};
use crate::app::ports::Visible;
use crate::domain::{Instant, OrderId, OrderQuery, Status};

/// How many milliseconds the time in an order's id and the time that it is stored with can be apart.
///
/// The id is made by the function, when the request arrives, and the time by Postgres, when its
/// statement begins: what lies between is at most an invocation (10 s), and what the clocks of two
/// servers disagree by.
const CLOCK_TOLERANCE_MS: i64 = 60_000;

impl Database {
    /// The rows of the page, and one more if the list goes on.
    pub(super) async fn page_of_orders(
        &self,
        visible: Visible<'_>,
        query: &OrderQuery,
    ) -> Result<Vec<Row>, QueryError> {
        let (below, from) = ids(query);
        let placed_after = query.placed_after.map(Instant::timestamp);
        let placed_before = query.placed_before.map(Instant::timestamp);
        let limit = query.limit.and_one();
        let owner = match visible {
            Visible::Of(owner) => Some(owner.as_str()),
            Visible::All => None,
        };
        let status = query.status.map(Status::as_str);
        let email = query.email.as_ref().map(|email| email.as_str().to_ascii_lowercase());

        let mut arguments: Vec<&(dyn ToSql + Sync)> =
            vec![&below, &from, &placed_after, &placed_before, &limit];
        let statement = match (&email, &owner, &status) {
            (Some(email), None, None) => {
                arguments.push(email);
                LIST_ORDERS_BY_EMAIL
            }
            (Some(email), owner, status) => {
                arguments.extend([email as &(dyn ToSql + Sync), owner, status]);
                LIST_ORDERS_BY_EMAIL_AND
            }
            (None, Some(owner), Some(status)) => {
                arguments.extend([owner as &(dyn ToSql + Sync), status]);
                LIST_OWN_ORDERS_IN_STATUS
            }
            (None, Some(owner), None) => {
                arguments.push(owner);
                LIST_OWN_ORDERS
            }
            (None, None, Some(status)) => {
                arguments.push(status);
                LIST_ALL_ORDERS_IN_STATUS
            }
            (None, None, None) => LIST_ALL_ORDERS,
        };
        self.query(statement, &arguments).await
    }
}

/// Below which id, and from which id on, the orders of a page are. Ids sort by time, so that a limit
/// in time is the end of an index scan; which of the orders near it are meant, `created_at` tells.
fn ids(query: &OrderQuery) -> (Uuid, Uuid) {
    let place = query.below.map_or(Uuid::max(), OrderId::as_uuid);
    let milliseconds = |instant: Instant| instant.timestamp().as_millisecond();
    let before = |instant| first_id(milliseconds(instant) + CLOCK_TOLERANCE_MS);
    let after = |instant| first_id(milliseconds(instant) - CLOCK_TOLERANCE_MS);
    let below = query.placed_before.map_or(place, |instant| place.min(before(instant)));
    (below, query.placed_after.map_or(Uuid::nil(), after))
}

/// The lowest that a UUIDv7 of this millisecond since 1970, or of a later one, can be: it begins with
/// the 48 bits of that number (RFC 9562, 5.7).
pub(super) fn first_id(milliseconds: i64) -> Uuid {
    const LAST: u128 = (1 << 48) - 1;
    let milliseconds = u128::try_from(milliseconds).unwrap_or(0).min(LAST);
    Uuid::from_u128(milliseconds << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn an_id_lies_within_the_limits_of_its_own_time() {
        let id = OrderId::parse("019c8012-2a00-7a31-9c40-1f2e6ba0a415").unwrap();
        let (noon, next) = (instant("2026-02-21T12:00:00Z"), instant("2026-02-21T12:00:00.001Z"));
        let query = OrderQuery {
            placed_after: Some(noon),
            placed_before: Some(next),
            ..OrderQuery::default()
        };
        let (below, from) = ids(&query);
        assert!(from <= id.as_uuid() && id.as_uuid() < below);
        assert_eq!(from.to_string(), "019c8011-3fa0-0000-0000-000000000000");
        assert_eq!(below.to_string(), "019c8013-1461-0000-0000-000000000000");
    }

    #[test]
    fn the_place_in_the_list_counts_where_it_is_the_narrower_limit() {
        let place = OrderId::parse("019c8012-2a00-7a31-9c40-1f2e6ba0a415").unwrap();
        let query = OrderQuery { below: Some(place), ..OrderQuery::default() };
        assert_eq!(ids(&query), (place.as_uuid(), Uuid::nil()));
        let later =
            OrderQuery { placed_before: Some(instant("2027-01-01T00:00:00Z")), ..query.clone() };
        assert_eq!(ids(&later).0, place.as_uuid());
        let earlier = OrderQuery { placed_before: Some(instant("2026-01-01T00:00:00Z")), ..query };
        assert!(ids(&earlier).0 < place.as_uuid());
    }

    #[test]
    fn times_that_no_id_can_have_are_the_ends_of_all_ids() {
        assert_eq!(first_id(-1), Uuid::nil());
        assert!(first_id(i64::MAX) > OrderId::generate().as_uuid());
        let query = OrderQuery {
            placed_after: Some(instant("0000-01-01T00:00:00Z")),
            placed_before: Some(instant("9999-12-30T00:00:00Z")),
            ..OrderQuery::default()
        };
        let (below, from) = ids(&query);
        assert!(from.is_nil() && below > OrderId::generate().as_uuid());
    }
}
