//! Lists: their pages are right, and walking them misses nothing.

use std::collections::HashSet;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use testkit::engine::is_stand_in;
use uuid::Uuid;
use waybill::app::{self, ListOrders, ListProducts, PlaceOrders, Placement};
use waybill::domain::{
    CustomerEmail, DateTime, OrderId, OrderQuery, Owner, ProductId, ProductQuery, Search, Status,
    Visible,
};
use waybill::postgres::Database;

use crate::support::{TestDatabase, context, first_orders, first_products, order};

/// An order inserted by the test.
struct Stored {
    id: OrderId,
    /// Whether it is the caller's.
    own: bool,
    status: Status,
    email: &'static str,
    placed_at: Timestamp,
}

impl Stored {
    /// Inserts it with an id of the time `id_at`.
    async fn new(
        test: &TestDatabase,
        own: bool,
        status: Status,
        email: &'static str,
        placed_at: Timestamp,
        id_at: Timestamp,
    ) -> Self {
        let random = Uuid::new_v4().as_u128() & ((1 << 74) - 1);
        let milliseconds = u128::try_from(id_at.as_millisecond()).unwrap();
        let id = Uuid::from_u128(milliseconds << 80 | 7 << 76 | 2 << 62 | random & !(3 << 62));
        let owner = if own { customer().as_str().to_owned() } else { "other".to_owned() };
        test.sql
            .execute(
                "INSERT INTO orders (id, number, owner, status, customer_name, customer_email,
                                     currency, total_minor, item_count, created_at, updated_at)
                 VALUES ($1, 'ORD-20260221-' || upper(right($1::uuid::text, 8)), $2, $3, 'Ada', $4,
                         'EUR', 100, 1, $5, $5)",
                &[&id, &owner, &status.as_str(), &email, &placed_at],
            )
            .await
            .unwrap();
        Self { id: OrderId::from(id), own, status, email, placed_at }
    }
}

/// All ids of a list of orders, page by page, with other work during each page.
async fn walk(
    database: &Database,
    visible: Visible<'_>,
    mut query: OrderQuery,
    mut meanwhile: impl AsyncFnMut(),
) -> Vec<OrderId> {
    let mut ids = Vec::new();
    loop {
        let (page, ()) = tokio::join!(database.orders(visible, &query), meanwhile());
        let page = page.unwrap();
        ids.extend(page.entries.iter().map(|order| order.id));
        match page.last_before_more() {
            Some(last) => query.below = Some(last.id),
            None => return ids,
        }
    }
}

/// A customer who places orders.
fn customer() -> Owner {
    context().caller.subject().clone()
}

fn instant(time: Timestamp) -> DateTime {
    DateTime::parse(&time.to_string()).unwrap()
}

async fn place(database: &Database, product: ProductId) -> OrderId {
    let wanted = order(&[(product, 1)]);
    match database.place(OrderId::generate(), &wanted, None, &context()).await.unwrap() {
        Placement::Placed(order) => order.summary.id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn walking_the_orders_while_some_are_placed_and_cancelled_neither_repeats_nor_skips() {
    let test = TestDatabase::new().await;
    let mug = test.product("EUR", 1450, 10_000).await;
    let clients = join_all((0..4).map(|_| test.connect())).await;
    let [reader, customers @ ..] = &clients[..] else { panic!("no clients") };
    let (mut there, mut placed) = (Vec::new(), 0);
    for _ in 0..60 {
        there.push(place(reader, mug).await);
    }
    let owner = customer();
    let pending = OrderQuery { status: Some(Status::Pending), ..first_orders(7) };
    // Every third order is canceled during the walk; the list of pending ones must have the rest.
    let mut to_cancel: Vec<OrderId> = there.iter().copied().step_by(3).collect();
    let stays_pending: HashSet<OrderId> =
        there.iter().copied().filter(|id| !to_cancel.contains(id)).collect();
    let everything: HashSet<OrderId> = there.iter().copied().collect();
    for (visible, query, promised) in [
        (Visible::Of(&owner), first_orders(7), &everything),
        (Visible::All, first_orders(7), &everything),
        (Visible::Of(&owner), pending.clone(), &stays_pending),
        (Visible::All, pending, &stays_pending),
    ] {
        let walked = walk(reader, visible, query, async || {
            let cancelled = to_cancel.pop();
            let (id, cancelled) = tokio::join!(
                join_all(customers.iter().map(|customer| place(customer, mug))),
                async {
                    let id = cancelled?;
                    Some(app::cancel_order(&*clients[1], id, None, &context()).await)
                }
            );
            placed += id.len();
            assert!(cancelled.is_none_or(|order| order.is_ok()));
        })
        .await;
        assert!(walked.is_sorted_by(|newer, older| newer > older), "{visible:?}");
        let walked: HashSet<OrderId> = walked.into_iter().collect();
        let skipped: Vec<_> = promised.difference(&walked).collect();
        assert!(skipped.is_empty(), "{visible:?}: {skipped:?}");
    }
    eprintln!("{} orders walked four times, while {placed} were placed", there.len());
    assert!(placed >= 4 * 60 / 7 && to_cancel.is_empty());
}

#[tokio::test]
async fn walking_the_products_while_some_are_added_and_sold_neither_repeats_nor_skips() {
    let test = TestDatabase::new().await;
    let clients = join_all((0..2).map(|_| test.connect())).await;
    let mut there = Vec::new();
    for _ in 0..30 {
        there.push(test.product("EUR", 1450, 1000).await);
    }
    for search in [None, Some(Search::parse("MUG").unwrap())] {
        let mut query = ProductQuery { search, ..first_products(4) };
        let mut walked = Vec::new();
        loop {
            let sold = there[walked.len() % there.len()];
            let (page, _, _) = tokio::join!(
                clients[0].products(&query),
                test.product("EUR", 1, 1),
                place(&clients[1], sold),
            );
            let page = page.unwrap();
            walked.extend(page.entries.iter().map(|product| product.id));
            match page.last_before_more() {
                Some(last) => query.above = Some(last.id),
                None => break,
            }
        }
        assert!(walked.is_sorted_by(|earlier, later| earlier < later));
        assert_eq!(walked[..there.len()], there);
        assert!(walked.len() > there.len());
    }
}

#[tokio::test]
async fn every_combination_of_filters_lists_what_meets_all_of_them_and_nothing_else() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let start: Timestamp = "2026-02-21T12:00:00Z".parse().unwrap();
    let at = |minutes: i64| start + SignedDuration::from_mins(minutes);
    let emails = ["ada@example.com", "Ada@Example.com", "grace@example.com"];
    let mut stored = Vec::new();
    for number in 0..90_usize {
        let placed_at = at(i64::try_from(number).unwrap());
        let (status, email) = (Status::ALL[number % 5], emails[number % 3]);
        stored.push(Stored::new(&test, number % 2 == 0, status, email, placed_at, placed_at).await);
    }
    let owner = customer();
    let statuses = [None, Some(Status::Pending), Some(Status::Delivered)];
    let windows = [(None, None), (Some(20), None), (None, Some(70)), (Some(30), Some(60))];
    let mut combinations = 0;
    for visible in [Visible::Of(&owner), Visible::All] {
        for status in statuses {
            for email in [None, Some("ADA@example.com"), Some("nobody@example.com")] {
                for (after, before) in windows {
                    let query = OrderQuery {
                        status,
                        email: email.map(|email| CustomerEmail::parse(email).unwrap()),
                        placed_after: after.map(|minutes| instant(at(minutes))),
                        placed_before: before.map(|minutes| instant(at(minutes))),
                        ..first_orders(4)
                    };
                    let expected: Vec<OrderId> = stored
                        .iter()
                        .rev()
                        .filter(|it| it.own || matches!(visible, Visible::All))
                        .filter(|it| status.is_none_or(|status| it.status == status))
                        .filter(|it| email.is_none_or(|email| email.eq_ignore_ascii_case(it.email)))
                        .filter(|it| after.is_none_or(|after| it.placed_at >= at(after)))
                        .filter(|it| before.is_none_or(|before| it.placed_at < at(before)))
                        .map(|it| it.id)
                        .collect();
                    let listed = walk(&database, visible, query.clone(), async || {}).await;
                    assert_eq!(listed, expected, "{visible:?} {query:?}");
                    combinations += 1;
                }
            }
        }
    }
    assert_eq!(combinations, 2 * 3 * 3 * 4);
}

#[tokio::test]
async fn an_order_is_placed_after_its_own_microsecond_and_not_before_it_whatever_its_id_says() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let placed_at: Timestamp = "2026-02-21T12:00:00.123456Z".parse().unwrap();
    let microsecond = SignedDuration::from_micros(1);
    for seconds in [0, -30, 30, -59, 59] {
        let id_at = placed_at + SignedDuration::from_secs(seconds);
        Stored::new(&test, true, Status::Pending, "ada@example.com", placed_at, id_at).await;
    }
    let owner = customer();
    for visible in [Visible::Of(&owner), Visible::All] {
        let count = async |after: Option<Timestamp>, before: Option<Timestamp>| {
            let query = OrderQuery {
                placed_after: after.map(instant),
                placed_before: before.map(instant),
                ..first_orders(10)
            };
            database.orders(visible, &query).await.unwrap().entries.len()
        };
        let next = placed_at + microsecond;
        assert_eq!(count(Some(placed_at), None).await, 5);
        assert_eq!(count(Some(next), None).await, 0);
        assert_eq!(count(None, Some(placed_at)).await, 0);
        assert_eq!(count(None, Some(next)).await, 5);
        assert_eq!(count(Some(placed_at), Some(next)).await, 5);
        // There is nothing between two microseconds.
        let nanosecond = SignedDuration::from_nanos(1);
        assert_eq!(count(Some(placed_at + nanosecond), None).await, 0);
        assert_eq!(count(None, Some(placed_at + nanosecond)).await, 5);
    }
}

#[tokio::test]
async fn times_at_the_ends_of_the_calendar_list_everything_or_nothing() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    place(&database, mug).await;
    let owner = customer();
    for (after, before, found) in [
        ("0000-01-01T00:00:00Z", "9999-12-30T00:00:00Z", 1),
        ("0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", 0),
        ("9999-12-29T00:00:00Z", "9999-12-30T00:00:00Z", 0),
    ] {
        let query = OrderQuery {
            placed_after: Some(DateTime::parse(after).unwrap()),
            placed_before: Some(DateTime::parse(before).unwrap()),
            ..first_orders(10)
        };
        let page = database.orders(Visible::Of(&owner), &query).await.unwrap();
        assert_eq!(page.entries.len(), found, "{after} {before}");
    }
}

#[tokio::test]
async fn a_search_finds_its_own_characters_in_either_case_and_is_no_pattern() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    for name in
        ["50% off", "500 sheets", "A_5", "AB5", r"back\slash", "Füller ÄÖÜ", "(a.b)*", "' --"]
    {
        let id = test.product("EUR", 100, 1).await;
        let sql = "UPDATE products SET name = $2 WHERE id = $1";
        test.sql.execute(sql, &[&id.as_uuid(), &name]).await.unwrap();
    }
    for (text, expected) in [
        ("50", &["50% off", "500 sheets"][..]),
        ("50%", &["50% off"]),
        ("%", &["50% off"]),
        ("_", &["A_5"]),
        ("a_", &["A_5"]),
        (r"\", &[r"back\slash"]),
        (r"\%", &[]),
        ("füller äÖ", &["Füller ÄÖÜ"]),
        (".*", &[]),
        (".b)*", &["(a.b)*"]),
        ("' --", &["' --"]),
        (" ", &["50% off", "500 sheets", "Füller ÄÖÜ", "' --"]),
        ("nothing", &[]),
    ] {
        // The collation of Aurora DSQL and of its stand-in is C, which has no upper case beyond ASCII.
        if is_stand_in() && !text.is_ascii() {
            continue;
        }
        let search = Some(Search::parse(text).unwrap());
        let query = ProductQuery { search, ..first_products(10) };
        let page = database.products(&query).await.unwrap();
        let names: Vec<_> = page.entries.iter().map(|product| product.name.as_str()).collect();
        assert_eq!(names, expected, "{text}");
    }
}
