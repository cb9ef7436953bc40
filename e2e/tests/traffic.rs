//! Traffic on a deployed stack: its verdict is clean, and broken as soon as somebody tampers with the
//! database.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use e2e::{Answer, Stack};
use reqwest::Method;
use tokio::sync::Mutex;
use traffic::control::Control;
use traffic::generator::Wanted;
use traffic::history::History;
use traffic::mix::Mix;
use traffic::mode::Mode;
use traffic::round::{HISTORY, Options, Round};
use traffic::settings::Target;
use traffic::verdict::{Conclusion, Verdict, judge};
use uuid::Uuid;

/// A verdict takes the whole database into account, so one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Requests a second.
const RATE: f64 = 10.0;

/// A round on the stack of the environment, with its files among those of the stack.
async fn open(options: Options) -> (Round, Arc<Control>) {
    let mut target = Target::find().unwrap();
    target.out = target.stack_dir.join("traffic");
    let control = Control::new(Wanted { mode: Mode::Steady, rate: RATE, mix: Mix::default() });
    let board = Arc::clone(&control.board);
    (Round::open(&target, options, control.wanted(), board).await.unwrap(), control)
}

/// Sends what is wanted for some seconds.
async fn send(round: &mut Round, control: &Control, seconds: u64) {
    round.send(control.wanted.subscribe(), tokio::time::sleep(Duration::from_secs(seconds))).await;
}

/// Observes the service, and judges what the round has sent.
async fn judged(round: &Round) -> Verdict {
    let mut history = round.history().unwrap();
    history.observed = Some(round.observe().await.unwrap());
    judge(&history)
}

#[tokio::test]
async fn a_minute_of_every_mode_ends_with_a_clean_verdict_that_its_file_repeats() {
    let _alone = ALONE.lock().await;
    let options = Options { watch_processes: true, seed: 11, ..Options::default() };
    let (mut round, control) = open(options).await;
    for (mode, seconds) in [
        (Mode::Steady, 20),
        (Mode::Burst, 15),
        (Mode::FlashSale, 15),
        (Mode::Overload, 5),
        (Mode::Pause, 5),
    ] {
        control.want(Wanted { mode, ..control.wanted() });
        send(&mut round, &control, seconds).await;
    }
    let verdict = round.finish().await.unwrap();
    let file = round.folder().join(HISTORY);
    round.close().await;
    eprintln!("{verdict}");
    assert_eq!(verdict.conclusion, Conclusion::Clean, "{verdict}");
    let checked = &verdict.checked;
    assert!(checked.orders > 200 && checked.replays > 20 && checked.refusals > 10, "{verdict}");
    let again = History::read(&file).unwrap();
    assert_eq!(judge(&again), verdict);
    assert!(again.usage.iter().any(|usage| usage.processes.contains_key("emulator")));
}

#[tokio::test]
async fn tampering_with_the_database_is_found_and_named() {
    let _alone = ALONE.lock().await;
    let stack = Stack::connect().await;
    // Nothing is slow here, and what is stuck stays so.
    let options =
        Options { longest_drain: Duration::from_secs(15), seed: 12, ..Options::default() };
    let (mut round, control) = open(options).await;
    send(&mut round, &control, 8).await;
    round.settle().await.unwrap();
    let clean = judged(&round).await;
    assert_eq!(clean.conclusion, Conclusion::Clean, "{clean}");
    let orders = orders_of(&stack, &round).await;
    let products = [1, 2].map(|product: usize| round.run().products[product].id);
    for together in [of_data(&orders, products), of_progress(&orders)] {
        for Tampering { tamper, .. } in &together {
            stack.database.batch_execute(tamper).await.unwrap();
        }
        let verdict = judged(&round).await;
        for Tampering { undo, .. } in &together {
            stack.database.batch_execute(undo).await.unwrap();
        }
        assert_eq!(verdict.conclusion, Conclusion::Broken, "{verdict}");
        for Tampering { kind, .. } in together {
            assert!(verdict.kinds().contains(&kind), "{kind} is missing: {verdict}");
        }
    }
    let clean = judged(&round).await;
    assert_eq!(clean.conclusion, Conclusion::Clean, "{clean}");
    swallow_an_event(&stack, orders[0]).await;
    let verdict = judged(&round).await;
    round.close().await;
    assert!(verdict.kinds().contains(&"event-missing"), "{verdict}");
}

/// Statements that tamper, statements that undo it, and what the verdict must find.
struct Tampering {
    tamper: String,
    undo: String,
    kind: &'static str,
}

/// Confirmed orders of the round.
async fn orders_of(stack: &Stack, round: &Round) -> Vec<Uuid> {
    let owners = format!("%traffic-{}-customer-%", round.run().name);
    let statement = "SELECT id FROM orders WHERE owner LIKE $1 AND status = 'confirmed' LIMIT 4";
    let rows = stack.database.query(statement, &[&owners]).await.unwrap();
    assert_eq!(rows.len(), 4, "confirmed orders");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Tampering with what the database has: one order deleted, one copied, two changed, and two stocks.
fn of_data(orders: &[Uuid], products: [Uuid; 2]) -> Vec<Tampering> {
    let add = |table: &str, column: &str, pieces: i32, id: Uuid| {
        format!("UPDATE {table} SET {column} = {column} + ({pieces}) WHERE id = '{id}'")
    };
    let status =
        |status: &str| format!("UPDATE orders SET status = '{status}' WHERE id = '{}'", orders[3]);
    let (deleted, copied, copy) = (orders[0], orders[1], Uuid::now_v7());
    let changes = [
        (
            add("products", "stock", 1, products[0]),
            add("products", "stock", -1, products[0]),
            "stock-too-high",
        ),
        (
            add("products", "stock", -1, products[1]),
            add("products", "stock", 1, products[1]),
            "stock-too-low",
        ),
        (keep(deleted) + &delete(deleted), RESTORE.to_owned(), "lost"),
        (double(copied, copy), delete(copy), "doubled"),
        (
            add("orders", "total_minor", 1, orders[2]),
            add("orders", "total_minor", -1, orders[2]),
            "changed",
        ),
        (status("shipped"), status("confirmed"), "changed"),
    ];
    changes.map(|(tamper, undo, kind)| Tampering { tamper, undo, kind }).into()
}

/// Tampering with what is on its way: one order's job removed, and one event held back.
fn of_progress(orders: &[Uuid]) -> Vec<Tampering> {
    let status =
        |status: &str| format!("UPDATE orders SET status = '{status}' WHERE id = '{}'", orders[0]);
    let (held, id) = (orders[1], Uuid::now_v7());
    let insert = format!(
        "INSERT INTO outbox (id, order_id, kind, payload, correlation_id, available_at)
         VALUES ('{id}', '{held}', 'OrderConfirmed', '{{}}', 'test', 'infinity')"
    );
    let changes = [
        (status("pending"), status("confirmed"), "stuck"),
        (insert, format!("DELETE FROM outbox WHERE id = '{id}'"), "stuck"),
    ];
    changes.map(|(tamper, undo, kind)| Tampering { tamper, undo, kind }).into()
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
