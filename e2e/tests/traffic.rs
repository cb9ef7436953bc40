//! Traffic on a deployed stack: its verdict is clean, and broken as soon as somebody tampers with the
//! database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

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
        Options { longest_drain: Duration::from_secs(20), seed: 12, ..Options::default() };
    let (mut round, control) = open(options).await;
    send(&mut round, &control, 8).await;
    round.settle().await.unwrap();
    let clean = judged(&round).await;
    assert_eq!(clean.conclusion, Conclusion::Clean, "{clean}");
    let order = order_of(&stack, &round).await;
    let (copy, product) = (Uuid::now_v7(), round.run().products[1].id);
    for (tamper, undo, kind) in tamperings(order, copy, product) {
        stack.database.batch_execute(&tamper).await.unwrap();
        let verdict = judged(&round).await;
        stack.database.batch_execute(&undo).await.unwrap();
        assert_eq!(verdict.conclusion, Conclusion::Broken, "{tamper}");
        assert!(verdict.kinds().contains(&kind), "{kind} is missing: {verdict}");
    }
    let clean = judged(&round).await;
    assert_eq!(clean.conclusion, Conclusion::Clean, "{clean}");
    swallow_an_event(&stack, order).await;
    let verdict = judged(&round).await;
    round.close().await;
    assert!(verdict.kinds().contains(&"event-missing"), "{verdict}");
}

/// A confirmed order of the round.
async fn order_of(stack: &Stack, round: &Round) -> Uuid {
    let owners = format!("%traffic-{}-customer-%", round.run().name);
    let statement = "SELECT id FROM orders WHERE owner LIKE $1 AND status = 'confirmed' LIMIT 1";
    stack.database.query_one(statement, &[&owners]).await.unwrap().get(0)
}

/// Statements that tamper, statements that undo it, and what the verdict must find.
fn tamperings(order: Uuid, copy: Uuid, product: Uuid) -> Vec<(String, String, &'static str)> {
    let stock = |pieces: i32| {
        format!("UPDATE products SET stock = stock + ({pieces}) WHERE id = '{product}'")
    };
    let status =
        |status: &str| format!("UPDATE orders SET status = '{status}' WHERE id = '{order}'");
    let delete = |id: Uuid| {
        format!(
            "DELETE FROM order_items WHERE order_id = '{id}';
             DELETE FROM order_history WHERE order_id = '{id}';
             DELETE FROM orders WHERE id = '{id}';"
        )
    };
    let keep = format!(
        "CREATE TEMPORARY TABLE kept AS SELECT * FROM orders WHERE id = '{order}';
         CREATE TEMPORARY TABLE kept_items AS SELECT * FROM order_items WHERE order_id = '{order}';
         CREATE TEMPORARY TABLE kept_history AS SELECT * FROM order_history WHERE order_id = '{order}';"
    );
    let restore = "INSERT INTO orders SELECT * FROM kept;
                   INSERT INTO order_items SELECT * FROM kept_items;
                   INSERT INTO order_history SELECT * FROM kept_history;
                   DROP TABLE kept, kept_items, kept_history;";
    let number = format!("ORD-20200101-{}", &copy.simple().to_string().to_uppercase()[24..]);
    let double = format!(
        "INSERT INTO orders
         SELECT (jsonb_populate_record(o, '{{\"id\": \"{copy}\", \"number\": \"{number}\"}}')).*
         FROM orders o WHERE id = '{order}';
         INSERT INTO order_items
         SELECT (jsonb_populate_record(i, '{{\"order_id\": \"{copy}\"}}')).*
         FROM order_items i WHERE order_id = '{order}';
         INSERT INTO order_history
         SELECT (jsonb_populate_record(h, '{{\"order_id\": \"{copy}\"}}')).*
         FROM order_history h WHERE order_id = '{order}';"
    );
    let hold = format!(
        "INSERT INTO outbox (id, order_id, kind, payload, correlation_id, available_at)
         VALUES ('{copy}', '{order}', 'OrderConfirmed', '{{}}', 'test', 'infinity')"
    );
    let total = |cents: i32| {
        format!("UPDATE orders SET total_minor = total_minor + ({cents}) WHERE id = '{order}'")
    };
    vec![
        (stock(1), stock(-1), "stock-too-high"),
        (stock(-1), stock(1), "stock-too-low"),
        (keep + &delete(order), restore.to_owned(), "lost"),
        (double, delete(copy), "doubled"),
        (total(1), total(-1), "changed"),
        (status("shipped"), status("confirmed"), "changed"),
        (status("pending"), status("confirmed"), "stuck"),
        (hold, format!("DELETE FROM outbox WHERE id = '{copy}'"), "stuck"),
    ]
}

/// Cancels an order as staff, and deletes its event before the relay sends it.
async fn swallow_an_event(stack: &Stack, order: Uuid) {
    let path = format!("/orders/{order}/cancel");
    let canceled = Answer::to(stack.as_staff().request(Method::PATCH, &path)).await;
    assert_eq!(canceled.status, 200, "{canceled:?}");
    let statement = "DELETE FROM outbox WHERE order_id = $1 AND kind = 'OrderCancelled'";
    assert_eq!(stack.database.execute(statement, &[&order]).await.unwrap(), 1);
}
