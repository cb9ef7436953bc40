//! Tampering with the database after a round.

use std::time::Duration;

use e2e::{Answer, Stack};
use reqwest::Method;
use traffic::history::Product;
use traffic::mode::Mode;
use traffic::round::{Options, Round};
use traffic::verdict::{Conclusion, Verdict, judge};
use uuid::Uuid;

use crate::{ALONE, open, send};

/// How long to wait for queue and outbox. They are empty soon; but on a busy machine an event can be too
/// late for its first try, and then its lease takes a minute.
const LONGEST_DRAIN: Duration = Duration::from_mins(2);
/// The same after tampering that leaves something in them.
const STUCK: Duration = Duration::from_secs(1);

#[tokio::test]
async fn tampering_with_the_database_is_found_and_named() {
    let _alone = ALONE.lock().await;
    let stack = Stack::connect().await;
    let options = Options { seed: 12, measure_ceiling: false, ..Options::default() };
    let (mut round, control) = open(Mode::Steady, options).await;
    send(&mut round, &control, 6).await;
    round.settle().await.unwrap();
    let clean = judged(&round, LONGEST_DRAIN).await;
    assert_eq!(clean.conclusion, Conclusion::Clean, "{clean}");
    let orders = orders_of(&stack, &round).await;
    let products = [&round.run().products[1], &round.run().products[2]];
    let all = of_data(orders, products).into_iter().chain(of_progress(orders));
    let all: Vec<Tampering> = all.collect();
    for Tampering { tamper, .. } in &all {
        stack.database.batch_execute(tamper).await.unwrap();
    }
    let verdict = judged(&round, STUCK).await;
    for Tampering { undo, .. } in &all {
        stack.database.batch_execute(undo).await.unwrap();
    }
    assert_eq!(verdict.conclusion, Conclusion::Broken, "{verdict}");
    for Tampering { tamper, found, .. } in &all {
        let (kind, what) = found;
        let named = verdict.findings.iter().find(|finding| finding.kind == *kind);
        let named =
            named.is_some_and(|finding| finding.examples.iter().any(|it| it.contains(what)));
        assert!(named, "no {kind} names {what} after {tamper}: {verdict}");
    }
    let clean = judged(&round, LONGEST_DRAIN).await;
    assert_eq!(clean.conclusion, Conclusion::Clean, "{clean}");
    swallow_an_event(&stack, orders[0]).await;
    let verdict = judged(&round, LONGEST_DRAIN).await;
    round.close().await;
    assert!(verdict.kinds().contains(&"event-missing"), "{verdict}");
}

/// Observes the service, and judges what the round has sent.
async fn judged(round: &Round, longest_drain: Duration) -> Verdict {
    let mut history = round.history().unwrap();
    history.observed = Some(round.observe(longest_drain).await.unwrap());
    judge(&history)
}

/// Statements that tamper, statements that undo it, and what the verdict must find: the kind of finding,
/// and a part of an example.
struct Tampering {
    tamper: String,
    undo: String,
    found: (&'static str, String),
}

/// Confirmed orders of the round.
async fn orders_of(stack: &Stack, round: &Round) -> [Uuid; 6] {
    let owners = format!("%traffic-{}-customer-%", round.run().name);
    let statement = "SELECT id FROM orders WHERE owner LIKE $1 AND status = 'confirmed' LIMIT 6";
    let rows = stack.database.query(statement, &[&owners]).await.unwrap();
    let orders: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    orders.try_into().expect("six confirmed orders")
}

/// Tampering with what the database has: one order deleted, one copied, two changed, and two stocks.
fn of_data(orders: [Uuid; 6], products: [&Product; 2]) -> [Tampering; 6] {
    let add = |table: &str, column: &str, pieces: i32, id: Uuid| {
        format!("UPDATE {table} SET {column} = {column} + ({pieces}) WHERE id = '{id}'")
    };
    let [deleted, copied, dearer, shipped, ..] = orders;
    let [more, less] = products;
    let copy = Uuid::now_v7();
    [
        (
            add("products", "stock", 1, more.id),
            add("products", "stock", -1, more.id),
            ("stock-too-high", more.name.clone()),
        ),
        (
            add("products", "stock", -1, less.id),
            add("products", "stock", 1, less.id),
            ("stock-too-low", less.name.clone()),
        ),
        (keep(deleted) + &delete(deleted), RESTORE.to_owned(), ("lost", deleted.to_string())),
        (double(copied, copy), delete(copy), ("doubled", copy.to_string())),
        (
            add("orders", "total_minor", 1, dearer),
            add("orders", "total_minor", -1, dearer),
            ("changed", dearer.to_string()),
        ),
        (
            set_status(shipped, "shipped"),
            set_status(shipped, "confirmed"),
            ("changed", shipped.to_string()),
        ),
    ]
    .map(|(tamper, undo, found)| Tampering { tamper, undo, found })
}

/// Tampering with what is on its way: one order's job removed, and one event held back.
fn of_progress(orders: [Uuid; 6]) -> [Tampering; 2] {
    let [.., jobless, held] = orders;
    let id = Uuid::now_v7();
    let insert = format!(
        "INSERT INTO outbox (id, order_id, kind, payload, correlation_id, available_at)
         VALUES ('{id}', '{held}', 'OrderConfirmed', '{{}}', 'test', 'infinity')"
    );
    [
        (
            set_status(jobless, "pending"),
            set_status(jobless, "confirmed"),
            ("stuck", jobless.to_string()),
        ),
        (insert, format!("DELETE FROM outbox WHERE id = '{id}'"), ("stuck", held.to_string())),
    ]
    .map(|(tamper, undo, found)| Tampering { tamper, undo, found })
}

fn set_status(order: Uuid, status: &str) -> String {
    format!("UPDATE orders SET status = '{status}' WHERE id = '{order}'")
}

fn keep(order: Uuid) -> String {
    format!(
        "CREATE TEMPORARY TABLE kept AS SELECT * FROM orders WHERE id = '{order}';
         CREATE TEMPORARY TABLE kept_items AS SELECT * FROM order_items WHERE order_id = '{order}';
         CREATE TEMPORARY TABLE kept_history AS SELECT * FROM order_history WHERE order_id = '{order}';"
    )
}

/// Puts back what [`keep`] has kept.
const RESTORE: &str = "INSERT INTO orders SELECT * FROM kept;
    INSERT INTO order_items SELECT * FROM kept_items;
    INSERT INTO order_history SELECT * FROM kept_history;
    DROP TABLE kept, kept_items, kept_history;";

fn delete(order: Uuid) -> String {
    format!(
        "DELETE FROM notifications WHERE order_id = '{order}';
         DELETE FROM order_items WHERE order_id = '{order}';
         DELETE FROM order_history WHERE order_id = '{order}';
         DELETE FROM orders WHERE id = '{order}';"
    )
}

fn double(order: Uuid, copy: Uuid) -> String {
    let number = format!("ORD-20200101-{}", &copy.simple().to_string().to_uppercase()[24..]);
    format!(
        "INSERT INTO orders
         SELECT (jsonb_populate_record(o, '{{\"id\": \"{copy}\", \"number\": \"{number}\"}}')).*
         FROM orders o WHERE id = '{order}';
         INSERT INTO order_items
         SELECT (jsonb_populate_record(i, '{{\"order_id\": \"{copy}\"}}')).*
         FROM order_items i WHERE order_id = '{order}';
         INSERT INTO order_history
         SELECT (jsonb_populate_record(h, '{{\"order_id\": \"{copy}\"}}')).*
         FROM order_history h WHERE order_id = '{order}';"
    )
}

/// Cancels an order as staff, and deletes its event before the relay sends it.
async fn swallow_an_event(stack: &Stack, order: Uuid) {
    let path = format!("/orders/{order}/cancel");
    let canceled = Answer::to(stack.as_staff().request(Method::PATCH, &path)).await;
    assert_eq!(canceled.status, 200, "{canceled:?}");
    let statement = "DELETE FROM outbox WHERE order_id = $1 AND kind = 'OrderCancelled'";
    assert_eq!(stack.database.execute(statement, &[&order]).await.unwrap(), 1);
}
