//! Listing orders: which statement reads a page, and over which range of ids.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::connection::Database;
use super::error::QueryError;
use super::rows;
use super::statements::{
    LIST_ALL_ORDERS, LIST_ALL_ORDERS_IN_STATUS, LIST_ORDERS_BY_EMAIL,
    LIST_ORDERS_BY_EMAIL_FILTERED, LIST_ORDERS_BY_NUMBER, LIST_OWN_ORDERS,
    LIST_OWN_ORDERS_IN_STATUS,
};
use crate::Error;
use crate::app::ListOrders;
use crate::domain::{DateTime, OrderId, OrderQuery, OrderSummary, Owner, Page, Status, Visible};

/// The most milliseconds between the time in an order's id and its stored time.
///
/// A function makes the id, and Postgres the time when the statement begins. They differ by at most
/// an invocation (10 s) plus the difference of two clocks.
const CLOCK_TOLERANCE_MS: i64 = 60_000;

impl ListOrders for Database {
    async fn orders(
        &self,
        visible: Visible<'_>,
        query: &OrderQuery,
    ) -> Result<Page<OrderSummary>, Error> {
        let rows = self.page_of_orders(visible, query).await?;
        // Collecting into a `Result` loses the size hint.
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            found.push(rows::summary(row)?);
        }
        Ok(Page::new(found, query.limit))
    }
}

impl Database {
    /// The rows of the page, plus one if there is a next page.
    async fn page_of_orders(
        &self,
        visible: Visible<'_>,
        query: &OrderQuery,
    ) -> Result<Vec<Row>, QueryError> {
        let owner = visible.owner().map(Owner::as_str);
        if let Some(number) = &query.number {
            return self.query(LIST_ORDERS_BY_NUMBER, &[&number.as_str(), &owner]).await;
        }
        let (below, from) = ids(query);
        let placed_after = query.placed_after.map(DateTime::timestamp);
        let placed_before = query.placed_before.map(DateTime::timestamp);
        let limit = query.limit.and_one();
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
                LIST_ORDERS_BY_EMAIL_FILTERED
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

/// The range of ids of a page. Ids sort by time, so a limit in time bounds the index scan;
/// `created_at` decides for orders near the limit.
fn ids(query: &OrderQuery) -> (Uuid, Uuid) {
    let place = query.below.map_or(Uuid::max(), OrderId::as_uuid);
    let milliseconds = |instant: DateTime| instant.timestamp().as_millisecond();
    let before = |instant| OrderId::first_at(milliseconds(instant) + CLOCK_TOLERANCE_MS).as_uuid();
    let after = |instant| OrderId::first_at(milliseconds(instant) - CLOCK_TOLERANCE_MS).as_uuid();
    let below = query.placed_before.map_or(place, |instant| place.min(before(instant)));
    (below, query.placed_after.map_or(Uuid::nil(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime {
        DateTime::parse(text).unwrap()
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
        assert_eq!(OrderId::first_at(-1).as_uuid(), Uuid::nil());
        assert!(OrderId::first_at(i64::MAX).as_uuid() > OrderId::generate().as_uuid());
        let query = OrderQuery {
            placed_after: Some(instant("0000-01-01T00:00:00Z")),
            placed_before: Some(instant("9999-12-30T00:00:00Z")),
            ..OrderQuery::default()
        };
        let (below, from) = ids(&query);
        assert!(from.is_nil() && below > OrderId::generate().as_uuid());
    }
}
