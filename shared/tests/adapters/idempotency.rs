//! Requests that are sent more than once.

use std::time::Duration;

use futures_util::future::join_all;
use testkit::proxy::{Proxy, authority};
use waybill::app::{ChangeOrders, Claim, PlaceOrders, Placement};
use waybill::domain::{IdempotencyKey, Order, OrderId, Status, Visible};

use crate::support::{TestDatabase, context, order};

fn claim(key: &str, request: u8) -> Claim {
    Claim { key: IdempotencyKey::parse(key).unwrap(), request_hash: [request; 32] }
}

fn placed(placement: Placement) -> Order {
    match placement {
        Placement::Placed(order) => order,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_one_was_and_places_nothing() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 5).await;
    let (wanted, claim, context) = (order(&[(mug, 5)]), claim("a", 1), context());
    let place = async || {
        let id = OrderId::generate();
        database.place(id, &wanted, Some(&claim), &context).await.unwrap()
    };
    let first = placed(place().await);
    // The response is the same after the order has changed and the stock is gone.
    for status in [None, Some(Status::Confirmed), Some(Status::Shipped)] {
        if let Some(status) = status {
            let id = first.summary.id;
            database.change(Visible::All, id, status, None, &context).await.unwrap();
        }
        let Placement::Replayed(again) = place().await else { panic!("not replayed") };
        assert_eq!(again, first);
    }
    assert_eq!(test.stock(mug).await, 0);
    assert_eq!(test.rows().await[0], 1);
}

#[tokio::test]
async fn a_key_with_another_request_is_told_apart() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 5).await;
    let place = async |request| {
        let id = OrderId::generate();
        database.place(id, &order(&[(mug, 1)]), Some(&claim("a", request)), &context()).await
    };
    placed(place(1).await.unwrap());
    assert!(matches!(place(2).await.unwrap(), Placement::KeyReused));
    assert_eq!((test.stock(mug).await, test.rows().await[0]), (4, 1));
}

#[tokio::test]
async fn a_request_that_can_not_be_had_does_not_burn_its_key() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 1).await;
    let claim = claim("a", 1);
    let place = async || {
        let id = OrderId::generate();
        database.place(id, &order(&[(mug, 3)]), Some(&claim), &context()).await.unwrap()
    };
    assert!(matches!(place().await, Placement::Refused(_)));
    test.sql.batch_execute("UPDATE products SET stock = 3").await.unwrap();
    placed(place().await);
}

#[tokio::test]
async fn a_key_that_is_older_than_it_is_kept_is_free_again() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 5).await;
    let place = async |request| {
        let id = OrderId::generate();
        database.place(id, &order(&[(mug, 1)]), Some(&claim("a", request)), &context()).await
    };
    placed(place(1).await.unwrap());
    let age = "UPDATE idempotency_keys SET created_at = created_at - interval '24 hours'";
    test.sql.batch_execute(age).await.unwrap();
    placed(place(2).await.unwrap());
    assert!(matches!(place(1).await.unwrap(), Placement::KeyReused));
}

/// How long a client waits before it retries.
const BACKOFF: Duration = Duration::from_millis(5);

#[tokio::test]
async fn fifty_requests_at_once_with_one_key_place_one_order() {
    let test = TestDatabase::new().await;
    let mug = test.product("EUR", 1450, 100).await;
    let processes = join_all((0..50).map(|_| test.connect())).await;
    let (wanted, claim, context) = (order(&[(mug, 2)]), claim("a", 1), context());
    let requests = processes.iter().map(async |database| {
        let (mut in_flight, mut replayed) = (0, 0);
        // The client retries, and lets others run.
        for _ in 0..1000 {
            let id = OrderId::generate();
            match database.place(id, &wanted, Some(&claim), &context).await.unwrap() {
                Placement::Placed(order) => return (order, 1, replayed, in_flight),
                Placement::Replayed(order) => {
                    replayed += 1;
                    return (order, 0, replayed, in_flight);
                }
                Placement::KeyInFlight => {
                    in_flight += 1;
                    tokio::time::sleep(BACKOFF).await;
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("in flight for ever");
    });
    let answers = join_all(requests).await;
    let sum = |pick: fn(&(Order, u32, u32, u32)) -> u32| answers.iter().map(pick).sum::<u32>();
    let (placed, replayed, in_flight) = (sum(|it| it.1), sum(|it| it.2), sum(|it| it.3));
    eprintln!("50 requests: {placed} placed, {replayed} replayed, {in_flight} times in flight");
    assert_eq!((placed, replayed), (1, 49));
    assert!(answers.iter().all(|answer| answer.0 == answers[0].0));
    assert_eq!((test.stock(mug).await, test.rows().await), (98, [1, 1, 1]));
}

#[tokio::test]
async fn the_same_key_of_two_owners_is_two_keys() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 5).await;
    let place = async || {
        let id = OrderId::generate();
        database.place(id, &order(&[(mug, 1)]), Some(&claim("a", 1)), &context()).await.unwrap()
    };
    placed(place().await);
    let sql = "UPDATE idempotency_keys SET owner = 'somebody else'";
    test.sql.batch_execute(sql).await.unwrap();
    placed(place().await);
    assert_eq!(test.rows().await[0], 2);
}

#[tokio::test]
async fn a_keyed_order_whose_answer_was_lost_is_answered_as_placed() {
    let test = TestDatabase::new().await;
    let proxy = Proxy::to(authority(&test.url)).await;
    let config = crate::support::config(proxy.instead_of(&test.url));
    let statements = crate::support::STATEMENTS;
    let database = waybill::postgres::Database::connect(&config, statements).await.unwrap();
    let mug = test.product("EUR", 1450, 10).await;
    proxy.cut_next_answer();
    let id = OrderId::generate();
    let placement =
        database.place(id, &order(&[(mug, 4)]), Some(&claim("a", 1)), &context()).await.unwrap();
    assert_eq!(proxy.strikes(), 1);
    assert_eq!(placed(placement).summary.id, id);
    assert_eq!((test.rows().await, test.stock(mug).await), ([1, 1, 1], 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_took_the_last_of_it_is_never_told_that_there_is_not_enough() {
    let test = TestDatabase::new().await;
    let processes = join_all((0..30).map(|_| test.connect())).await;
    let (mut placed, mut replayed, mut in_flight) = (0, 0, 0);
    for round in 0..30 {
        let mug = test.product("EUR", 1450, 2).await;
        let requests = processes.iter().cloned().map(|database| {
            let claim = claim(&format!("round-{round}"), 1);
            tokio::spawn(async move {
                let wanted = order(&[(mug, 2)]);
                let id = OrderId::generate();
                database.place(id, &wanted, Some(&claim), &context()).await.unwrap()
            })
        });
        for placement in join_all(requests).await {
            match placement.unwrap() {
                Placement::Placed(_) => placed += 1,
                Placement::Replayed(_) => replayed += 1,
                Placement::KeyInFlight => in_flight += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    eprintln!(
        "30 rounds of 30 requests for all that is left: {placed} placed, {replayed} replayed, \
         {in_flight} in flight"
    );
    assert_eq!(placed, 30);
}
