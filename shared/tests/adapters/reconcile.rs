//! Reconcile finds every kind of discrepancy.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use testkit::engine::{is_stand_in, left_out};
use waybill::app::{self, ConfirmOrders, PlaceOrders, Placement};
use waybill::domain::{Order, OrderId, ProductId};
use waybill::postgres::Database;

use crate::support::{TestDatabase, context, order};

async fn place(database: &Database, lines: &[(ProductId, i64)]) -> Order {
    match database.place(OrderId::generate(), &order(lines), None, &context()).await.unwrap() {
        Placement::Placed(order) => order,
        other => panic!("{other:?}"),
    }
}

/// A shop with an order of each kind, made by the service.
async fn shop(test: &TestDatabase) -> [Order; 3] {
    let database = test.connect().await;
    let (mug, pan) = (test.product("EUR", 1450, 10).await, test.product("EUR", 3999, 10).await);
    let pending = place(&database, &[(mug, 2), (pan, 1)]).await;
    let confirmed = place(&database, &[(pan, 3)]).await;
    let job = app::FulfillmentJob::new(&confirmed, &context());
    database.confirm(&[job]).await.unwrap();
    let cancelled = place(&database, &[(mug, 5)]).await;
    app::cancel_order(&*database, cancelled.summary.id, None, &context()).await.unwrap();
    [pending, confirmed, cancelled]
}

#[tokio::test]
async fn what_the_service_stores_adds_up() {
    let test = TestDatabase::new().await;
    shop(&test).await;
    let books = test.books().await;
    assert_eq!((books.products, books.orders), (2, 3));
    assert_eq!(books.discrepancies, []);
}

#[tokio::test]
async fn an_empty_shop_adds_up() {
    let test = TestDatabase::new().await;
    let books = test.books().await;
    assert_eq!((books.products, books.orders), (0, 0));
    assert_eq!(books.discrepancies, []);
}

#[tokio::test]
async fn the_sample_shop_adds_up() {
    let test = TestDatabase::new().await;
    test.sql.batch_execute(include_str!("../../../sql/seed.sql")).await.unwrap();
    let books = test.books().await;
    assert!(books.products >= 20 && books.orders >= 30, "{books:?}");
    assert_eq!(books.discrepancies, []);
}

#[tokio::test]
async fn whatever_does_not_add_up_is_named() {
    for (sabotage, expected) in [
        // One piece returned twice, and one sold but not taken out.
        ("UPDATE products SET stock = stock + 1 WHERE price_minor = 1450", vec!["stock"]),
        ("UPDATE products SET stock = stock - 1", vec!["stock", "stock"]),
        ("UPDATE order_items SET quantity = 3 WHERE quantity = 2", vec!["stock", "total"]),
        ("UPDATE orders SET total_minor = 1 WHERE status = 'cancelled'", vec!["total"]),
        ("UPDATE orders SET status = 'shipped' WHERE status = 'confirmed'", vec!["history"]),
        ("UPDATE orders SET version = 3 WHERE status = 'cancelled'", vec!["history"]),
        ("DELETE FROM order_history WHERE version = 1", vec!["history"; 3]),
        (
            "UPDATE order_history SET from_status = 'shipped' WHERE to_status = 'confirmed'",
            vec!["history"],
        ),
        ("DELETE FROM outbox", vec!["job"]),
        (
            "INSERT INTO outbox (id, order_id, kind, payload, correlation_id)
             SELECT id, id, 'fulfillment_job', '{}', '' FROM orders WHERE status <> 'pending'",
            vec!["job", "job"],
        ),
    ] {
        let test = TestDatabase::new().await;
        shop(&test).await;
        test.sql.batch_execute(sabotage).await.unwrap();
        let found = test.books().await.discrepancies;
        let kinds: Vec<_> = found.iter().map(|it| it.kind.as_str()).collect();
        assert_eq!(kinds, expected, "after {sabotage}: {found:?}");
    }
}

#[tokio::test]
async fn the_program_names_the_order_and_fails() {
    let test = TestDatabase::new().await;
    let [pending, ..] = shop(&test).await;
    let run = |url: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_waybill-reconcile"));
        let engine = if is_stand_in() { "dsql" } else { "postgres" };
        program.env_clear().env("DATABASE_URL", url).env("DATABASE_ENGINE", engine);
        let output = program.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = run(&test.url);
    assert_eq!((code, said.as_str()), (Some(0), "2 products, 3 orders: everything adds up.\n"));

    test.sql.batch_execute("DELETE FROM outbox").await.unwrap();
    let (code, said) = run(&test.url);
    assert_eq!(code, Some(1), "{said}");
    let number = pending.summary.number.as_str();
    assert!(said.contains(number) && said.contains("1 do not add up"), "{said}");

    let (code, said) = run("");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("DATABASE_URL"), "{said}");
}

/// Inserts `count` orders of an hour ago, a second apart, over as many products: two lines each,
/// confirmed, or cancelled if the number ends in 7.
async fn fill(test: &TestDatabase, count: i32) {
    let sql = format!(
        "INSERT INTO products (id, name, currency, price_minor, stock, stocked)
         SELECT lpad(to_hex(n), 32, '0')::uuid, 'Product ' || n, 'EUR', 100, 1000000, 1000000
         FROM generate_series(0, 19) n;
         CREATE TEMPORARY TABLE o AS
         SELECT n, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 3600000 - n), 12, '0')
                    || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id,
                now() - interval '1 hour' AS at,
                CASE WHEN n % 10 = 7 THEN 'cancelled' ELSE 'confirmed' END AS status
         FROM generate_series(1, {count}) n;
         INSERT INTO orders (id, number, owner, status, customer_name, customer_email, currency,
                             total_minor, item_count, version, created_at, updated_at)
         SELECT id, 'ORD-20260101-' || upper(lpad(to_hex(n), 8, '0')), 'ada', status, 'Ada',
                'ada@example.com', 'EUR', 300, 2, 2, at, at
         FROM o;
         INSERT INTO order_items (order_id, line, product_id, name, unit_price_minor, quantity)
         SELECT id, line, lpad(to_hex((n + line) % 20), 32, '0')::uuid, 'Product', 100, line
         FROM o, generate_series(1, 2) line;
         INSERT INTO order_history (order_id, version, from_status, to_status, at, actor, correlation_id)
         SELECT id, 1, NULL, 'pending', at, 'ada', 'abc' FROM o
         UNION ALL
         SELECT id, 2, 'pending', status, at, 'ada', 'abc' FROM o;
         UPDATE products p
         SET stock = stock - held.quantity
         FROM (SELECT i.product_id, sum(i.quantity) AS quantity
               FROM order_items i JOIN o ON o.id = i.order_id
               WHERE o.status <> 'cancelled' GROUP BY 1) held
         WHERE held.product_id = p.id;
         DROP TABLE o; ANALYZE"
    );
    test.sql.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn what_does_not_add_up_is_found_among_many_old_orders() {
    let test = TestDatabase::new().await;
    fill(&test, 25_000).await;
    let books = test.books().await;
    assert_eq!((books.products, books.orders), (20, 25_000));
    assert_eq!(books.discrepancies, []);
    // One discrepancy of each kind, in different ranges, and two of stock: a line that grew, and an
    // order canceled by hand.
    let sabotage = "
        CREATE TEMPORARY TABLE o AS SELECT id, row_number() OVER (ORDER BY id) AS n FROM orders;
        UPDATE order_items SET quantity = 9 FROM o WHERE o.id = order_id AND o.n = 50 AND line = 1;
        UPDATE orders SET status = 'cancelled' FROM o
        WHERE o.id = orders.id AND o.n = (SELECT min(n) FROM o JOIN orders USING (id)
                                          WHERE n > 12000 AND status = 'confirmed');
        DELETE FROM order_history USING o WHERE o.id = order_id AND o.n = 24000 AND version = 1;
        INSERT INTO outbox (id, order_id, kind, payload, correlation_id)
        SELECT id, id, 'fulfillment_job', '{}', '' FROM o WHERE n = 15000";
    test.sql.batch_execute(sabotage).await.unwrap();
    let found = test.books().await.discrepancies;
    let kinds: Vec<_> = found.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds[..3], ["history", "history", "job"], "{found:?}");
    assert!(kinds[3..kinds.len() - 1].iter().all(|&kind| kind == "stock"), "{found:?}");
    assert!((2..=3).contains(&(kinds.len() - 4)), "{found:?}");
    assert_eq!(kinds.last(), Some(&"total"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_false_is_found_while_orders_are_placed_fulfilled_and_cancelled() {
    let test = TestDatabase::new().await;
    fill(&test, 25_000).await;
    let old = "SELECT id FROM orders WHERE status = 'confirmed' ORDER BY md5(id::text) LIMIT 5000";
    let old = test.sql.query(old, &[]).await.unwrap();
    let mut old = old.iter().map(|row| OrderId::from(row.get::<_, uuid::Uuid>(0)));
    let (database, second) = (test.connect().await, test.connect().await);
    let over = AtomicBool::new(false);
    let (placed, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let place_orders = async {
        let mut n = 0;
        while !over.load(Ordering::Relaxed) {
            let product = |n: u128| ProductId::from(uuid::Uuid::from_u128(n % 20));
            let order = place(&database, &[(product(n), 2), (product(n + 7), 1)]).await;
            if n % 3 > 0 {
                let job = app::FulfillmentJob::new(&order, &context());
                database.confirm(&[job]).await.unwrap();
            }
            if n % 3 > 1 {
                let id = order.summary.id;
                app::cancel_order(&*database, id, None, &context()).await.unwrap();
            }
            n += 1;
            placed.fetch_add(1, Ordering::Relaxed);
        }
    };
    let cancel_old_orders = async {
        while !over.load(Ordering::Relaxed) {
            let Some(id) = old.next() else { break };
            app::cancel_order(&*second, id, None, &context()).await.unwrap();
            cancelled.fetch_add(1, Ordering::Relaxed);
        }
    };
    let look = async {
        let mut looks = 0;
        let done = || (placed.load(Ordering::Relaxed), cancelled.load(Ordering::Relaxed));
        while looks < 5 || done().0 < 100 || done().1 < 100 {
            let before = done();
            let books = test.books().await;
            assert_eq!(books.discrepancies, [], "after {looks} looks");
            // Otherwise nothing happened in between, and this tests nothing.
            looks += usize::from(done().0 > before.0 && done().1 > before.1);
            assert!(old_is_left(&cancelled), "all old orders are cancelled before the end");
        }
        over.store(true, Ordering::Relaxed);
        looks
    };
    let (looks, (), ()) = tokio::join!(look, place_orders, cancel_old_orders);
    let (placed, cancelled) = (placed.into_inner(), cancelled.into_inner());
    eprintln!("{looks} looks while {placed} orders were placed and {cancelled} old ones cancelled");
    assert_eq!(test.books().await.discrepancies, []);
}

fn old_is_left(cancelled: &AtomicUsize) -> bool {
    cancelled.load(Ordering::Relaxed) < 5000
}

/// A stricter limit than that of the role; the program overrides it.
#[tokio::test]
async fn it_is_not_held_to_the_timeouts_of_its_role() {
    if left_out("a session of Aurora DSQL can't set statement_timeout") {
        return;
    }
    let test = TestDatabase::new().await;
    fill(&test, 10_000).await;
    let limits = "DO $$ BEGIN EXECUTE format(
        'ALTER DATABASE %I SET statement_timeout = 10', current_database()); END $$";
    test.sql.batch_execute(limits).await.unwrap();
    assert_eq!(test.books().await.orders, 10_000);
}
