//! Whether the books say so when something does not add up.

use std::process::Command;

use waybill::app;
use waybill::app::ports::{ConfirmOrders, PlaceOrders, Placement};
use waybill::domain::{Order, OrderId, ProductId};
use waybill::postgres::Database;

use crate::support::{TestDatabase, context, order};

async fn place(database: &Database, lines: &[(ProductId, i64)]) -> Order {
    match database.place(OrderId::generate(), &order(lines), None, &context()).await.unwrap() {
        Placement::Placed(order) => order,
        other => panic!("{other:?}"),
    }
}

/// A shop with an order of each kind, by the service's own hand.
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
        // A piece that was given back twice, one that was sold and not taken out.
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
        let output = program.env_clear().env("DATABASE_URL", url).output().unwrap();
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
