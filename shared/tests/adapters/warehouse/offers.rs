//! Offers to the warehouse, and its answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::proxy::{Proxy, authority};
use testkit::warehouse::{Answer, Asked, Warehouse};
use testkit::{eventually, unused_address};
use tokio::sync::Barrier;
use waybill::app::{FulfillmentJob, Offer, Warehouse as _};
use waybill::domain::Status;
use waybill::postgres::Database;

use super::{CONFIRMED, TRACE, World, client};
use crate::support::{STATEMENTS, config};

#[tokio::test]
async fn an_order_is_offered_signed_under_its_own_key_and_confirmed_once_it_is_accepted() {
    let warehouse = Warehouse::that(|_, _| Answer::Body(202, "a/b", "ok")).await;
    let world = World::with(1, &warehouse.url).await;
    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    assert_eq!(world.way(0).await, CONFIRMED);

    let [request] = &warehouse.requests()[..] else { panic!("not one request") };
    let job = &world.jobs[0];
    assert_eq!(request.line(), "POST /orders?site=1");
    assert_eq!(FulfillmentJob::parse(request.body()).as_ref(), Ok(job));
    for (name, value) in [
        ("idempotency-key", job.order_id.to_string().as_str()),
        ("x-correlation-id", job.correlation_id.as_str()),
        ("traceparent", TRACE),
        ("content-type", "application/json"),
    ] {
        assert_eq!(request.header(name), value);
    }
    // The next delivery finds the order confirmed, and offers nothing.
    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    assert_eq!((warehouse.requests().len(), world.way(0).await), (1, CONFIRMED.to_vec()));
}

#[tokio::test]
async fn what_was_accepted_and_not_confirmed_is_offered_again_under_the_same_key() {
    let warehouse = Warehouse::that(|_, _| Answer::Status(200)).await;
    let world = World::with(1, &warehouse.url).await;
    // The process dies in between.
    assert!(matches!(world.warehouse.offer(&world.jobs[0]).await, Offer::Accepted));
    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    let requests = warehouse.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].key(), requests[1].key());
    assert_eq!(requests[0].body(), requests[1].body());
    assert_eq!(world.way(0).await, CONFIRMED);
}

#[tokio::test]
async fn a_warehouse_that_stumbles_twice_is_asked_three_times() {
    // Statuses that are not about the order, including some 4xx.
    let statuses = [500, 503, 408, 409, 429];
    let answers = move |request: &Asked, before| {
        let stumble = statuses[usize::try_from(request.pieces() - 1).unwrap()];
        Answer::Status(if before < 2 { stumble } else { 200 })
    };
    let warehouse = Warehouse::that(answers).await;
    let world = World::with(5, &warehouse.url).await;
    assert_eq!(world.deliver(&[0, 1, 2, 3, 4]).await, Vec::<String>::new());
    assert_eq!(warehouse.requests().len(), 15);
    for (number, status) in statuses.into_iter().enumerate() {
        assert_eq!(world.way(number).await, CONFIRMED, "{status}");
    }
}

#[tokio::test]
async fn orders_without_an_answer_fail_and_their_batch_mates_are_confirmed() {
    let answers = |request: &Asked, _| match request.pieces() {
        2 => Answer::Status(500),
        3 => Answer::Silence,
        4 => Answer::Status(429),
        _ => Answer::Status(200),
    };
    let warehouse = Warehouse::that(answers).await;
    let mut world = World::with(5, &warehouse.url).await;
    let little = Duration::from_secs(1);
    world.warehouse = client(&warehouse.url, &world.queue, &world.letters, little);
    assert_eq!(world.deliver(&[0, 1, 2, 3, 4]).await, ["1", "2", "3"]);
    let requests = warehouse.requests();
    for number in 1..=3 {
        let of_it = |request: &&Asked| request.pieces() == number + 1;
        assert_eq!(requests.iter().filter(of_it).count(), 3, "tries for {number}");
    }
    for (number, way) in [(0, 2), (1, 1), (2, 1), (3, 1), (4, 2)] {
        assert_eq!(world.way(number).await, CONFIRMED[..way], "{number}");
    }
    assert!(world.take_letters().await.is_empty());
    assert!(!world.is_parked(1).await);
}

#[tokio::test]
async fn a_warehouse_that_is_not_there_confirms_nothing() {
    let world = World::with(2, &format!("http://{}/orders", unused_address())).await;
    let started = Instant::now();
    assert_eq!(world.deliver(&[0, 1]).await, ["0", "1"]);
    // The delays between the tries: 200 to 400 ms and 400 to 800 ms, for both orders at once.
    let took = started.elapsed();
    assert!((Duration::from_millis(600)..Duration::from_secs(3)).contains(&took), "{took:?}");
    assert_eq!(world.way(0).await, [Status::Pending]);
    assert!(matches!(world.warehouse.offer(&world.jobs[1]).await, Offer::Unanswered(_)));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_not_repeated() {
    let elsewhere = Warehouse::that(|_, _| Answer::Status(200)).await;
    let location = elsewhere.url.clone();
    let warehouse = Warehouse::that(move |_, _| Answer::Redirect(location.clone())).await;
    let world = World::with(1, &warehouse.url).await;
    assert_eq!(world.deliver(&[0]).await, ["0"]);
    assert_eq!((warehouse.requests().len(), elsewhere.requests().len()), (1, 0));
    assert_eq!(world.way(0).await, [Status::Pending]);
}

#[tokio::test]
async fn a_cancelled_order_is_not_offered() {
    let warehouse = Warehouse::that(|_, _| Answer::Status(200)).await;
    let world = World::with(2, &warehouse.url).await;
    world.cancel(0).await;
    assert_eq!(world.deliver(&[0, 1]).await, Vec::<String>::new());
    let asked: Vec<_> = warehouse.requests().iter().map(Asked::pieces).collect();
    assert_eq!(asked, [2]);
    assert_eq!(world.way(0).await, [Status::Pending, Status::Cancelled]);
}

#[tokio::test]
async fn an_order_that_is_cancelled_while_it_is_offered_stays_cancelled() {
    let all = Arc::new(Barrier::new(2));
    let held = Arc::clone(&all);
    let warehouse = Warehouse::that(move |_, _| Answer::Together(200, Arc::clone(&held))).await;
    let world = World::with(1, &warehouse.url).await;
    let (failed, ()) = tokio::join!(world.deliver(&[0]), async {
        let offered = async || (!warehouse.requests().is_empty()).then_some(());
        eventually("the order is offered", offered).await;
        world.cancel(0).await;
        all.wait().await;
    });
    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(world.way(0).await, [Status::Pending, Status::Cancelled]);
}

#[tokio::test]
async fn the_orders_of_a_batch_are_offered_at_once() {
    let all = Arc::new(Barrier::new(10));
    let warehouse = Warehouse::that(move |_, _| Answer::Together(200, Arc::clone(&all))).await;
    let world = World::with(10, &warehouse.url).await;
    // No request is answered before the tenth has arrived.
    let numbers: Vec<_> = (0..10).collect();
    assert_eq!(world.deliver(&numbers).await, Vec::<String>::new());
    assert_eq!(warehouse.requests().len(), 10);
    assert_eq!(world.way(9).await, CONFIRMED);
}

#[tokio::test]
async fn a_warehouse_costs_one_round_trip_more_and_a_refusal_another() {
    let answers =
        |request: &Asked, _| Answer::Status(if request.pieces() == 3 { 422 } else { 200 });
    let warehouse = Warehouse::that(answers).await;
    let mut world = World::with(3, &warehouse.url).await;
    let proxy = Proxy::to(authority(&world.test.url)).await;
    let behind_proxy = config(proxy.instead_of(&world.test.url));
    world.database = Database::connect(&behind_proxy, STATEMENTS).await.unwrap().into();
    for (batch, round_trips) in [(&[0, 1][..], 2), (&[0], 1), (&[2], 2)] {
        proxy.forget();
        assert_eq!(world.deliver(batch).await, Vec::<String>::new());
        assert_eq!(proxy.postgres_round_trips(), round_trips, "{batch:?}");
    }
}
