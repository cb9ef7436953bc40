//! Statements that wait for others: the wait is bounded, and nothing commits after the client has
//! given up.

use std::time::Duration;

use testkit::engine::left_out;
use tokio::time::Instant;
use waybill::app::{PlaceOrders, Placement};
use waybill::domain::OrderId;
use waybill::{Error, deadline};

use crate::support::{TestDatabase, context, order};

/// A lock on all products, held by another session.
const HELD: &str = "SELECT FROM products FOR UPDATE";

/// How many sessions of the service are active, and how many there are.
async fn sessions(test: &TestDatabase) -> (i64, i64) {
    let sql = "SELECT count(*) FILTER (WHERE state = 'active'), count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'waybill'";
    // A transaction sees the sessions as of its first look.
    test.sql.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
    let row = test.sql.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

/// Waits until one session is left and it is idle, for less time than the server would give the
/// statement: a session tells its error shortly before it is idle.
async fn assert_idle(test: &TestDatabase) {
    let mut last = (0, 0);
    for _ in 0..100 {
        last = sessions(test).await;
        if last == (0, 1) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} of {} sessions are active", last.0, last.1);
}

fn assert_unavailable(refused: &Result<Placement, Error>) {
    assert!(
        matches!(refused, Err(Error::Unavailable { dependency: "Postgres", .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_order_that_waits_too_long_for_a_row_is_given_up_and_never_appears() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    test.begin(HELD).await;
    let wanted = order(&[(mug, 1)]);
    let refused = database.place(OrderId::generate(), &wanted, None, &context()).await;
    assert_unavailable(&refused);
    // Nothing waits any more, and the connection still works.
    assert_idle(&test).await;
    test.sql.batch_execute("COMMIT").await.unwrap();
    assert_eq!((test.rows().await, test.stock(mug).await), ([0, 0, 0], 10));
    database.place(OrderId::generate(), &wanted, None, &context()).await.unwrap();
    assert_idle(&test).await;
}

#[tokio::test]
async fn a_deadline_cancels_the_statement_and_leaves_no_session_behind() {
    if left_out("the proxy passes no cancel request on") {
        return;
    }
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let (wanted, context) = (order(&[(mug, 1)]), context());
    test.begin(HELD).await;
    for _ in 0..3 {
        let place = database.place(OrderId::generate(), &wanted, None, &context);
        let soon = Instant::now() + Duration::from_millis(200);
        assert_unavailable(&deadline::within(soon, place).await);
        assert_idle(&test).await;
    }
    test.sql.batch_execute("COMMIT").await.unwrap();
    assert_eq!((test.rows().await, test.stock(mug).await), ([0, 0, 0], 10));
}

#[tokio::test]
async fn the_server_ends_the_statement_of_a_process_that_is_gone() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    test.begin(HELD).await;
    let wanted = order(&[(mug, 1)]);
    let (waiting, context) = (std::sync::Arc::clone(&database), context());
    let process = tokio::spawn(async move {
        let _ = waiting.place(OrderId::generate(), &wanted, None, &context).await;
    });
    let waits = async |expected: bool| {
        for _ in 0..1000 {
            if (sessions(&test).await.0 > 0) == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no change within ten seconds");
    };
    waits(true).await;
    // No client is left to cancel it.
    process.abort();
    waits(false).await;
    test.sql.batch_execute("COMMIT").await.unwrap();
    assert_eq!((test.rows().await, test.stock(mug).await), ([0, 0, 0], 10));
}

#[tokio::test]
async fn an_order_that_meets_another_at_repeatable_read_is_sent_again() {
    let test = TestDatabase::new().await;
    let level = "SELECT format('ALTER DATABASE %I SET default_transaction_isolation = %L',
                               current_database(), 'repeatable read')";
    let level: String = test.sql.query_one(level, &[]).await.unwrap().get(0);
    test.sql.batch_execute(&level).await.unwrap();
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    test.begin("UPDATE products SET stock = stock - 3, stocked = stocked - 3").await;
    let (wanted, context) = (order(&[(mug, 7)]), context());
    let place = database.place(OrderId::generate(), &wanted, None, &context);
    let (placement, ()) = tokio::join!(place, test.commit_once_somebody_waits());
    assert!(matches!(placement, Ok(Placement::Placed(_))), "{placement:?}");
    assert_eq!((test.rows().await, test.stock(mug).await), ([1, 1, 1], 0));
}

#[tokio::test]
async fn conflicts_without_an_end_are_an_answer_within_the_deadline() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    test.sql
        .batch_execute(
            "CREATE SEQUENCE tries;
             CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM nextval('tries'); RAISE SQLSTATE '40001'; END $$;
             CREATE TRIGGER conflict BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION conflict()",
        )
        .await
        .unwrap();
    let (wanted, context) = (order(&[(mug, 1)]), context());
    let place = database.place(OrderId::generate(), &wanted, None, &context);
    let soon = Instant::now() + Duration::from_millis(500);
    assert_unavailable(&deadline::within(soon, place).await);
    // A sequence keeps its value when the transaction rolls back.
    let tries = test.sql.query_one("SELECT last_value FROM tries", &[]).await.unwrap();
    assert!(tries.get::<_, i64>(0) > 2, "it was not sent again");
}

#[tokio::test]
async fn the_limits_hold_for_every_session_of_the_role_and_no_session_sets_them() {
    if left_out("a role of Aurora DSQL has no settings, so a session sets its own") {
        return;
    }
    let test = TestDatabase::new().await;
    let (client, connection) =
        tokio_postgres::connect(&test.direct_url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for (setting, expected) in [
        ("lock_timeout", "3s"),
        ("statement_timeout", "4s"),
        ("plan_cache_mode", "force_generic_plan"),
    ] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), expected, "{setting}");
    }
}
