//! Orders that the warehouse refuses.

use std::slice;
use std::time::Duration;

use futures_util::future::join_all;
use testkit::warehouse::{Answer, Asked, Warehouse};
use waybill::app::{
    self, Backoff, FulfillmentJob, Jobs, KeepOutbox, Refusal, RefuseOrders, Settled,
};
use waybill::domain::Status;

use super::{CONFIRMED, PATIENCE, World, client};
use crate::support::{event_bus, version};

#[tokio::test]
async fn a_refused_order_stays_pending_with_the_reason_and_its_job_is_a_dead_letter() {
    let body = r#"{"title":"Too heavy","detail":"Ada Lovelace orders too much","status":422}"#;
    let answers = move |request: &Asked, _| match request.pieces() {
        2 => Answer::Body(422, "application/problem+json; charset=utf-8", body),
        _ => Answer::Status(200),
    };
    let warehouse = Warehouse::that(answers).await;
    let world = World::with(3, &warehouse.url).await;
    // The message succeeded, so it is not delivered again.
    assert_eq!(world.deliver(&[0, 1, 2]).await, Vec::<String>::new());
    assert_eq!(warehouse.requests().len(), 3, "a refusal is final");
    assert_eq!((world.way(0).await, world.way(2).await), (CONFIRMED.to_vec(), CONFIRMED.to_vec()));

    let reason = "the warehouse refused it: 422, Too heavy";
    let refused = world.order(1).await;
    assert_eq!((refused.summary.status, refused.summary.version), (Status::Pending, version(2)));
    let [placed, refusal] = &refused.history[..] else { panic!("{:?}", refused.history) };
    assert_eq!(placed.reason, None);
    assert_eq!((refusal.from, refusal.to), (Some(Status::Pending), Status::Pending));
    assert_eq!(
        (refusal.actor.as_str(), refusal.reason.as_deref()),
        ("fulfill-order", Some(reason))
    );
    assert_eq!(refusal.correlation_id, world.jobs[1].correlation_id.as_str());
    assert_eq!(refusal.at, refused.summary.updated_at);

    let [letter] = &world.take_letters().await[..] else { panic!("not one dead letter") };
    assert_eq!(FulfillmentJob::parse(letter.body().unwrap()).as_ref(), Ok(&world.jobs[1]));
    let told = &letter.message_attributes().unwrap()["reason"];
    assert_eq!((told.data_type(), told.string_value()), ("String", Some(reason)));

    // The job is parked until a person decides.
    assert!(world.is_parked(1).await);
    let bus = event_bus(&world.aws, "default".to_owned());
    let wait = Backoff { min: Duration::from_secs(1), max: Duration::from_secs(1) };
    let until = tokio::time::Instant::now() + Duration::from_mins(1);
    let relayed = app::relay_outbox(&*world.database, &world.queue, &bus, wait, until);
    let relayed = relayed.await.unwrap();
    assert_eq!((relayed.jobs, relayed.events), (0, 5), "three placed, two confirmed");
    assert_eq!(world.test.books().await.discrepancies, []);
}

#[tokio::test]
async fn a_dead_letter_that_comes_back_is_confirmed_or_refused_with_no_second_entry() {
    let answers = |request: &Asked, before| match (request.pieces(), before) {
        (1, 2..) => Answer::Status(200),
        (2, 1..) => Answer::Status(410),
        _ => Answer::Body(422, "application/json", r#"{"title":"not a problem"}"#),
    };
    let warehouse = Warehouse::that(answers).await;
    let world = World::with(2, &warehouse.url).await;
    for _ in 0..2 {
        assert_eq!(world.deliver(&[0, 1]).await, Vec::<String>::new());
    }
    let reasons = async |number| {
        let history = world.order(number).await.history;
        history.into_iter().filter_map(|entry| entry.reason).collect::<Vec<_>>()
    };
    // The same reason adds nothing, another one does.
    assert_eq!(reasons(0).await, ["the warehouse refused it: 422"]);
    assert_eq!(
        reasons(1).await,
        ["the warehouse refused it: 422", "the warehouse refused it: 410"]
    );
    assert_eq!(world.take_letters().await.len(), 4);

    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    assert_eq!(world.way(0).await, [Status::Pending, Status::Pending, Status::Confirmed]);
    let jobs = "SELECT id FROM outbox WHERE kind = 'fulfillment_job'";
    let jobs = world.test.sql.query(jobs, &[]).await.unwrap();
    assert_eq!(jobs.len(), 1, "what is confirmed has no job any more");

    world.cancel(1).await;
    let cancelled = world.order(1).await;
    assert_eq!((cancelled.summary.status, cancelled.history.len()), (Status::Cancelled, 4));
    assert_eq!(world.deliver(&[1]).await, Vec::<String>::new());
    assert_eq!(warehouse.requests().len(), 5, "what is cancelled is not offered");
    assert_eq!(world.test.books().await.discrepancies, []);
}

#[tokio::test]
async fn a_refusal_that_can_t_be_laid_aside_comes_again() {
    let warehouse = Warehouse::that(|_, _| Answer::Status(422)).await;
    let mut world = World::with(1, &warehouse.url).await;
    let gone = world.letters.replace("jobs-", "gone-");
    world.warehouse = client(&warehouse.url, &world.queue, &gone, PATIENCE);
    assert_eq!(world.deliver(&[0]).await, ["0"]);
    world.warehouse = client(&warehouse.url, &world.queue, &world.letters, PATIENCE);
    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    assert_eq!(world.take_letters().await.len(), 1);
    assert_eq!(world.order(0).await.history.len(), 2);
}

#[tokio::test]
async fn copies_of_a_job_that_are_refused_at_once_leave_one_entry() {
    let world = World::with(1, "http://127.0.0.1:9/").await;
    let refusal = Refusal { job: &world.jobs[0], reason: "too heavy".to_owned() };
    let others = join_all((0..8).map(|_| world.test.connect())).await;
    // All of them begin before the first one ends.
    world.test.sql.batch_execute("BEGIN; SELECT FROM orders FOR UPDATE").await.unwrap();
    let (refused, ()) = tokio::join!(
        join_all(others.iter().map(|database| database.refuse(slice::from_ref(&refusal)))),
        async {
            let waiting = "SELECT count(DISTINCT pid) FROM pg_locks
                           WHERE NOT granted AND pid IN (
                               SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database
                               WHERE d.datname = current_database())";
            let mut seen = 0;
            for _ in 0..500 {
                seen = world.test.sql.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0);
                if seen == 8 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(seen, 8, "sessions that wait");
            world.test.sql.batch_execute("COMMIT").await.unwrap();
        }
    );
    for before in refused {
        assert_eq!(before.unwrap()[&world.jobs[0].order_id], Status::Pending);
    }
    assert_eq!(world.order(0).await.history.len(), 2);
}

#[tokio::test]
async fn a_relay_that_was_at_work_does_not_bring_back_a_job_that_was_parked() {
    let world = World::with(1, "http://127.0.0.1:9/").await;
    world.test.sql.batch_execute("UPDATE outbox SET available_at = now()").await.unwrap();
    let due = Jobs::Unsent { overdue: Duration::ZERO };
    let claimed = world.database.claim_jobs(due, 10).await.unwrap();
    let refusal = Refusal { job: &world.jobs[0], reason: "too heavy".to_owned() };
    world.database.refuse(&[refusal]).await.unwrap();
    let again: Vec<_> = claimed.iter().map(|it| (it.id, Duration::ZERO)).collect();
    assert_eq!(again, [(world.jobs[0].order_id.as_uuid(), Duration::ZERO)]);
    let settled = Settled { again, ..Settled::default() };
    world.database.settle(&settled).await.unwrap();
    assert!(world.is_parked(0).await);
}
