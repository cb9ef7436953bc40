//! Placing, reading and confirming orders.

use std::collections::HashMap;

use futures_util::future::join_all;
use tokio_postgres::SimpleQueryMessage;
use waybill::Error;
use waybill::app::{ConfirmOrders, FulfillmentJob, ListOrders, PlaceOrders, Placement, ReadOrder};
use waybill::domain::{NewOrder, Order, OrderId, Scope, Status, Visible};
use waybill::postgres::Database;

use crate::support::{STATEMENTS, TestDatabase, caller, context, first_orders, order, version};

async fn placed(database: &Database, order: &NewOrder) -> Order {
    match database.place(OrderId::generate(), order, None, &context()).await.unwrap() {
        Placement::Placed(order) => order,
        other => panic!("{other:?}"),
    }
}

fn job(order: &Order) -> FulfillmentJob {
    FulfillmentJob::new(order, &context())
}

#[tokio::test]
async fn a_placed_order_is_read_back_as_it_was_answered() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let (mug, pan) = (test.product("EUR", 1450, 10).await, test.product("EUR", 3999, 10).await);
    let order = placed(&database, &order(&[(pan, 1), (mug, 2), (pan, 2)])).await;

    assert_eq!(order.summary.total.minor(), 3 * 3999 + 2 * 1450);
    assert_eq!(order.summary.status, Status::Pending);
    let lines: Vec<_> = order.items.iter().map(|item| (item.product_id, item.quantity)).collect();
    assert_eq!(lines, [(pan, 3), (mug, 2)]);
    assert_eq!((test.stock(mug).await, test.stock(pan).await), (8, 7));

    let caller = context().caller;
    let visible = Visible::Of(caller.subject());
    assert_eq!(database.order(visible, order.summary.id).await.unwrap(), Some(order.clone()));
    let page = database.orders(visible, &first_orders(10)).await.unwrap();
    assert_eq!(page.entries, [order.summary]);
}

#[tokio::test]
async fn the_functions_that_build_json_are_not_called_when_a_statement_runs() {
    let test = TestDatabase::new().await;
    for statement in STATEMENTS {
        let sql = format!("EXPLAIN (GENERIC_PLAN, VERBOSE) {statement}");
        for message in test.sql.simple_query(&sql).await.unwrap() {
            let SimpleQueryMessage::Row(row) = message else { continue };
            let line = row.get(0).unwrap();
            assert!(!line.contains("item_json(") && !line.contains("history_json("), "{line}");
            assert!(!line.contains("event_json("), "{line}");
        }
    }
}

#[tokio::test]
async fn an_item_keeps_the_name_and_the_price_of_its_time() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let order = placed(&database, &order(&[(mug, 1)])).await;
    test.sql.batch_execute("UPDATE products SET name = 'Bowl', price_minor = 1").await.unwrap();

    let read =
        database.order(Visible::to(&context().caller), order.summary.id).await.unwrap().unwrap();
    assert_eq!(read.items, order.items);
    assert_eq!(read.items[0].name, "Enamel mug");
}

#[tokio::test]
async fn an_order_that_can_not_be_had_writes_nothing_and_says_what_was_found() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let (plenty, few) = (test.product("EUR", 100, 50).await, test.product("EUR", 100, 3).await);
    let yen = test.product("JPY", 100, 50).await;
    let retired = test.product("EUR", 100, 50).await;
    let sql = "UPDATE products SET active = false WHERE id = $1";
    test.sql.execute(sql, &[&retired.as_uuid()]).await.unwrap();

    for other in [(few, 4), (yen, 1), (retired, 1), (uuid::Uuid::now_v7().into(), 1)] {
        let refused = order(&[(plenty, 1), other]);
        let placement =
            database.place(OrderId::generate(), &refused, None, &context()).await.unwrap();
        let Placement::Refused(lines) = placement else { panic!("{placement:?}") };
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].product.as_ref().unwrap().stock.get(), 50);
        let for_sale = other.0 == few || other.0 == yen;
        assert_eq!(lines[1].product.is_some(), for_sale);
    }
    assert_eq!(test.rows().await, [0, 0, 0]);
    assert_eq!((test.stock(plenty).await, test.stock(few).await), (50, 3));
}

#[tokio::test]
async fn a_total_beyond_64_bits_is_an_error_and_writes_nothing() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let half = test.product("EUR", i64::MAX / 2, 10).await;
    let other = test.product("EUR", i64::MAX / 2, 10).await;
    for lines in [vec![(half, 3)], vec![(half, 2), (other, 1)]] {
        let placement = database.place(OrderId::generate(), &order(&lines), None, &context()).await;
        assert!(matches!(placement, Err(Error::AmountOutOfRange(_))), "{placement:?}");
    }
    assert_eq!(test.rows().await, [0, 0, 0]);
    assert_eq!(test.stock(half).await, 10);
}

#[tokio::test]
async fn placing_the_same_id_again_answers_with_the_order_and_reserves_nothing() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let (id, context, wanted) = (OrderId::generate(), context(), order(&[(mug, 4)]));
    let mut answers = Vec::new();
    for _ in 0..2 {
        match database.place(id, &wanted, None, &context).await.unwrap() {
            Placement::Placed(order) => answers.push(order),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!((test.rows().await, test.stock(mug).await), ([1, 1, 1], 6));
}

#[tokio::test]
async fn a_number_that_is_taken_is_told_apart_and_writes_nothing() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    // The same millisecond and the same last 48 bits, but another id.
    let twins = ["019c8019-aa00-7a31-9c40-1f2e6ba0a415", "019c8019-aa00-7a32-9c40-1f2e6ba0a415"];
    let [first, second] = twins.map(|id| OrderId::parse(id).unwrap());
    let wanted = order(&[(mug, 1)]);
    let placement = database.place(first, &wanted, None, &context()).await.unwrap();
    assert!(matches!(placement, Placement::Placed(_)));
    let placement = database.place(second, &wanted, None, &context()).await.unwrap();
    assert!(matches!(placement, Placement::NumberTaken), "{placement:?}");
    assert_eq!((test.rows().await, test.stock(mug).await), ([1, 1, 1], 9));
}

#[tokio::test]
async fn concurrent_orders_never_sell_what_is_not_there_and_never_deadlock() {
    let test = TestDatabase::new().await;
    let (a, b) = (test.product("EUR", 100, 25).await, test.product("EUR", 100, 25).await);
    let customers = join_all((0..8).map(|_| test.connect())).await;
    // 80 orders for one of each of two products, half of them in reverse order.
    let orders = customers.iter().enumerate().map(async |(customer, database)| {
        let mut accepted = 0;
        for round in 0..10 {
            let lines =
                if (customer + round) % 2 == 0 { [(a, 1), (b, 1)] } else { [(b, 1), (a, 1)] };
            match database
                .place(OrderId::generate(), &order(&lines), None, &context())
                .await
                .unwrap()
            {
                Placement::Placed(_) => accepted += 1,
                Placement::Refused(_) => {}
                other => panic!("{other:?}"),
            }
        }
        accepted
    });
    let accepted: i32 = join_all(orders).await.into_iter().sum();
    let left = (test.stock(a).await, test.stock(b).await);
    eprintln!("80 orders for one of each of 25: {accepted} accepted, {left:?} left");
    assert_eq!((accepted, left), (25, (0, 0)));
    assert_eq!(test.rows().await, [25, 50, 25]);
}

#[tokio::test]
async fn a_list_is_newest_first_and_no_longer_than_asked() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(placed(&database, &order(&[(mug, 1)])).await.summary.id);
    }
    ids.reverse();
    let page = database.orders(Visible::to(&context().caller), &first_orders(3)).await.unwrap();
    assert!(page.has_more);
    assert_eq!(page.entries.iter().map(|order| order.id).collect::<Vec<_>>(), ids[..3]);
}

#[tokio::test]
async fn an_order_of_somebody_else_is_not_there_but_for_staff() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let order = placed(&database, &order(&[(mug, 1)])).await;
    test.sql.batch_execute("UPDATE orders SET owner = 'somebody else'").await.unwrap();

    let id = order.summary.id;
    let customer = caller("ada", &[Scope::Read, Scope::Write]);
    assert_eq!(database.order(Visible::to(&customer), id).await.unwrap(), None);
    let page = database.orders(Visible::to(&customer), &first_orders(10)).await.unwrap();
    assert_eq!((page.entries, page.has_more), (vec![], false));
    let staff = caller("grace", &[Scope::Staff]);
    assert_eq!(database.order(Visible::to(&staff), id).await.unwrap(), Some(order.clone()));
    let page = database.orders(Visible::to(&staff), &first_orders(10)).await.unwrap();
    assert_eq!(page.entries, [order.summary]);
}

#[tokio::test]
async fn a_batch_confirms_what_is_pending_once_and_says_what_was_before() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 100).await;
    let pending = placed(&database, &order(&[(mug, 1)])).await;
    let cancelled = placed(&database, &order(&[(mug, 1)])).await;
    let gone = placed(&database, &order(&[(mug, 1)])).await;
    for sql in [
        "UPDATE orders SET status = 'cancelled' WHERE id = $1",
        "WITH o AS (DELETE FROM outbox WHERE order_id = $1),
              h AS (DELETE FROM order_history WHERE order_id = $1),
              i AS (DELETE FROM order_items WHERE order_id = $1)
         SELECT 1",
    ] {
        let id = if sql.starts_with("UPDATE") { &cancelled } else { &gone };
        test.sql.execute(sql, &[&id.summary.id.as_uuid()]).await.unwrap();
    }
    let sql = "DELETE FROM orders WHERE id = $1";
    test.sql.execute(sql, &[&gone.summary.id.as_uuid()]).await.unwrap();

    let (first, again) = (job(&pending), job(&pending));
    let batch = [first, job(&cancelled), again, job(&gone)];
    let expected = |status| {
        HashMap::from([(pending.summary.id, status), (cancelled.summary.id, Status::Cancelled)])
    };
    assert_eq!(database.confirm(&batch).await.unwrap(), expected(Status::Pending));
    assert_eq!(database.confirm(&batch).await.unwrap(), expected(Status::Confirmed));

    let read =
        database.order(Visible::to(&context().caller), pending.summary.id).await.unwrap().unwrap();
    let steps: Vec<_> = read.history.iter().map(|entry| (entry.from, entry.to)).collect();
    assert_eq!(steps, [(None, Status::Pending), (Some(Status::Pending), Status::Confirmed)]);
    assert_eq!(read.history[1].actor, "fulfill-order");
    assert_eq!((read.summary.status, read.summary.version), (Status::Confirmed, version(2)));
}

#[tokio::test]
async fn batches_that_overlap_confirm_each_order_once_and_never_deadlock() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 100).await;
    let mut jobs = Vec::new();
    for _ in 0..40 {
        jobs.push(job(&placed(&database, &order(&[(mug, 1)])).await));
    }
    let mut backwards = jobs.clone();
    backwards.reverse();
    let consumers = join_all((0..4).map(|_| test.connect())).await;
    let batches = consumers
        .iter()
        .enumerate()
        .map(|(index, database)| database.confirm(if index % 2 == 0 { &jobs } else { &backwards }));
    let mut confirmed = 0;
    for before in join_all(batches).await {
        let before = before.unwrap();
        assert_eq!(before.len(), 40);
        confirmed += before.values().filter(|status| **status == Status::Pending).count();
    }
    eprintln!("4 batches of the same 40 jobs at once: {confirmed} confirmed");
    assert_eq!(confirmed, 40);
    assert_eq!(test.rows().await, [40, 40, 80]);
}
