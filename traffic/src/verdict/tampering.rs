//! Proof of the verdict: each way of tampering with a clean history is found, and named.

use uuid::Uuid;

use super::{Conclusion, judge};
use crate::history::sample::{Sample, clean, id, placed, short};
use crate::history::{History, Observed, ObservedOrder, OrderLine, Outcome, Request, Strike};

/// Judges the clean history after a change of what the service has.
fn with_service(change: impl FnOnce(&mut Observed)) -> (Conclusion, Vec<String>) {
    with_history(|history| change(history.observed.as_mut().unwrap()))
}

/// Judges the clean history after a change.
fn with_history(change: impl FnOnce(&mut History)) -> (Conclusion, Vec<String>) {
    let mut history = clean();
    change(&mut history);
    named(&history)
}

fn named(history: &History) -> (Conclusion, Vec<String>) {
    let verdict = judge(history);
    (verdict.conclusion, verdict.kinds().into_iter().map(str::to_owned).collect())
}

fn broken(kinds: &[&str]) -> (Conclusion, Vec<String>) {
    (Conclusion::Broken, kinds.iter().map(|&kind| kind.to_owned()).collect())
}

fn cant_tell(kinds: &[&str]) -> (Conclusion, Vec<String>) {
    (Conclusion::CantTell, broken(kinds).1)
}

#[test]
fn an_untouched_history_is_clean_and_says_what_was_checked() {
    let verdict = judge(&clean());
    assert_eq!((verdict.conclusion, verdict.kinds()), (Conclusion::Clean, vec![]));
    let checked = verdict.checked;
    assert_eq!((checked.orders, checked.replays, checked.refusals), (3, 2 - 1, 1));
    assert_eq!((checked.products, checked.events), (2, 7));
}

#[test]
fn a_deleted_order_is_lost() {
    let outcome = with_service(|service| {
        service.orders.retain(|order| order.id != id(1));
    });
    assert_eq!(outcome, broken(&["lost"]));
}

#[test]
fn a_copied_order_is_doubled() {
    let outcome = with_service(|service| {
        let copy = ObservedOrder {
            id: Uuid::from_u128(99),
            correlation_id: Some("traffic-test-3".to_owned()),
            ..service.orders[2].clone()
        };
        service.orders.push(copy);
    });
    assert_eq!(outcome, broken(&["doubled"]));
}

#[test]
fn an_order_that_nobody_sent_is_unknown_and_one_that_was_refused_is_named() {
    for (correlation_id, kind) in [
        ("traffic-other-3", "unknown-order"),
        ("traffic-test-77", "unknown-order"),
        ("traffic-test-4", "placed-after-refusal"),
    ] {
        let (conclusion, kinds) = with_service(|service| {
            let stranger = ObservedOrder {
                id: Uuid::from_u128(99),
                correlation_id: Some(correlation_id.to_owned()),
                ..service.orders[1].clone()
            };
            service.orders.push(stranger);
        });
        assert_eq!(conclusion, Conclusion::Broken);
        assert!(kinds.iter().any(|it| it == kind), "{kinds:?}");
    }
}

#[test]
fn raised_and_lowered_stock_are_named() {
    let high = with_service(|service| service.products[0].stock += 1);
    assert_eq!(high, broken(&["stock-too-high"]));
    let low = with_service(|service| service.products[1].stock -= 1);
    assert_eq!(low, broken(&["stock-too-low"]));
    let gone = with_service(|service| service.products.truncate(1));
    assert_eq!(gone, broken(&["product-lost"]));
}

#[test]
fn more_sold_than_there_was_is_oversold() {
    let mut sample = Sample::new();
    sample.order(0, 8, placed(0, false)).order(1, 8, placed(1, false));
    let orders = [(0, "confirmed"), (1, "confirmed")];
    let outcome = named(&sample.end(&orders, -6));
    assert_eq!(outcome, broken(&["oversold", "stock-below-zero"]));
}

#[test]
fn a_removed_job_leaves_its_order_stuck_and_not_lost() {
    let outcome = with_service(|service| service.orders[1].status = "pending".to_owned());
    assert_eq!(outcome, broken(&["stuck"]));
    let outcome = with_service(|service| {
        service.in_outbox.insert(id(1));
        service.events.clear();
        service.orders.retain(|order| order.id == id(1));
    });
    assert!(outcome.1.contains(&"stuck".to_owned()));
    let outcome = with_service(|service| service.not_drained = Some("2 jobs".to_owned()));
    assert_eq!(outcome, broken(&["stuck"]));
}

#[test]
fn a_swallowed_event_is_missing() {
    for (name, order) in [("OrderPlaced", 1), ("OrderShipped", 3), ("OrderCancelled", 0)] {
        let outcome = with_service(|service| {
            assert!(service.events.get_mut(name).unwrap().remove(&id(order)));
        });
        assert_eq!(outcome, broken(&["event-missing"]), "{name}");
    }
}

#[test]
fn a_stale_replay_differs() {
    let outcome = with_history(|history| {
        let Outcome::Placed { body, .. } = &mut history.calls[1].outcome else { panic!() };
        *body = body.replace("pending", "confirmed");
    });
    assert_eq!(outcome, broken(&["replay-differs"]));
}

#[test]
fn a_key_that_places_twice_is_doubled() {
    let outcome = with_history(|history| history.calls[1].outcome = placed(0, false));
    assert_eq!(outcome, broken(&["doubled"]));
    let outcome = with_history(|history| history.calls[1].outcome = placed(9, true));
    assert!(outcome.1.contains(&"doubled".to_owned()), "{outcome:?}");
}

#[test]
fn a_history_that_was_cut_proves_nothing() {
    let outcome = with_history(|history| drop(history.calls.remove(6)));
    assert_eq!(outcome, cant_tell(&["history-cut"]));
    let outcome = with_history(|history| history.end = None);
    assert_eq!(outcome, cant_tell(&["history-cut"]));
    let outcome = with_history(|history| history.observed = None);
    assert_eq!(outcome, cant_tell(&["not-observed"]));
    let outcome = with_service(|service| service.failures.push("no answer".to_owned()));
    assert_eq!(outcome, cant_tell(&["not-observed"]));
}

#[test]
fn a_change_that_was_taken_back_is_lost() {
    let outcome = with_service(|service| service.orders[2].status = "confirmed".to_owned());
    assert_eq!(outcome, broken(&["change-lost"]));
    let outcome = with_service(|service| service.orders[2].total_minor += 1);
    assert_eq!(outcome, broken(&["changed"]));
    let (_, kinds) = with_service(|service| service.orders[1].status = "shipped".to_owned());
    assert!(kinds.contains(&"changed".to_owned()), "{kinds:?}");
}

#[test]
fn books_that_do_not_balance_are_named() {
    let outcome = with_service(|service| service.discrepancies.push("stock".to_owned()));
    assert_eq!(outcome, broken(&["unreconciled"]));
}

#[test]
fn an_order_that_stays_unknown_leaves_the_verdict_open() {
    let mut sample = Sample::new();
    let unknown = Outcome::Unknown { why: "timeout".to_owned() };
    sample.order(0, 1, placed(0, false)).order(1, 1, unknown);
    assert_eq!(named(&sample.end(&[(0, "confirmed")], 9)), cant_tell(&["unresolved"]));
    sample.call(Request::AskAgain { order: 1 }, short(0));
    let (conclusion, _) = named(&sample.end(&[(0, "confirmed")], 9));
    // It was refused although nine were left.
    assert_eq!(conclusion, Conclusion::Broken);
}

#[test]
fn nothing_placed_and_a_fault_that_struck_nothing_prove_nothing() {
    let mut sample = Sample::new();
    sample.order(0, 1, Outcome::Throttled);
    assert_eq!(named(&sample.end(&[], 10)), cant_tell(&["nothing-placed"]));
    let outcome = with_history(|history| {
        let name = "postgres-stopped".to_owned();
        history.faults.push(Strike { name, from_us: 0, to_us: 1, struck: Some(0) });
    });
    assert_eq!(outcome, cant_tell(&["idle-fault"]));
}

#[test]
fn an_answer_that_shows_a_bug_is_named() {
    let bug = Outcome::Unknown { why: "internal".to_owned() };
    for outcome in [
        bug,
        Outcome::Refused { status: 404, reason: "order-not-found".to_owned(), available: vec![] },
    ] {
        let found = with_history(|history| history.calls[9].outcome = outcome);
        assert_eq!(found, broken(&["unexpected-answer"]));
    }
}

#[test]
fn a_refusal_is_believed_only_with_a_stock_that_was_possible() {
    for (pieces, possible) in [(2, false), (3, true), (4, false)] {
        let (conclusion, kinds) = with_history(|history| history.calls[4].outcome = short(pieces));
        assert_eq!(conclusion == Conclusion::Clean, possible, "{pieces}: {kinds:?}");
        assert_eq!(kinds.contains(&"impossible-stock".to_owned()), !possible);
    }
}

#[test]
fn requests_that_overlap_allow_every_order_of_them() {
    // The refusal overlaps an order of four and a restock of five.
    let refused = |pieces| {
        let mut sample = Sample::new();
        let lines = vec![OrderLine { product: 0, quantity: 20 }];
        sample
            .order(0, 4, placed(0, false))
            .call(Request::Restock { product: 0, pieces: 5 }, Outcome::Done)
            .overlapping(2_000, Request::Order { order: 1, customer: 0, lines }, short(pieces));
        judge(&sample.end(&[(0, "confirmed")], 11)).conclusion
    };
    for possible in [6, 10, 11, 15] {
        assert_eq!(refused(possible), Conclusion::Clean, "{possible}");
    }
    for impossible in [5, 16] {
        assert_eq!(refused(impossible), Conclusion::Broken, "{impossible}");
    }
}
