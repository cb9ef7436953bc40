//! Canceling orders and changing their status.

use futures_util::future::join_all;
use waybill::Error;
use waybill::app::{
    self, ConfirmOrders, Context, FulfillmentJob, PlaceOrders, Placement, ReadOrder,
};
use waybill::domain::{Order, OrderId, ProductId, Scope, Status, Version, Visible};
use waybill::postgres::Database;

use crate::support::{TestDatabase, caller, context, order, version};

async fn place(database: &Database, lines: &[(ProductId, i64)]) -> Order {
    match database.place(OrderId::generate(), &order(lines), None, &context()).await.unwrap() {
        Placement::Placed(order) => order,
        other => panic!("{other:?}"),
    }
}

fn way(order: &Order) -> Vec<&'static str> {
    order.history.iter().map(|entry| entry.to.as_str()).collect()
}

#[tokio::test]
async fn a_cancelled_order_gives_its_stock_back_and_is_answered_as_it_is_now() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let (a, b) = (test.product("EUR", 100, 10).await, test.product("EUR", 100, 10).await);
    let placed = place(&database, &[(a, 3), (b, 4)]).await;
    let id = placed.summary.id;
    let cancelled = app::cancel_order(&*database, id, None, &context()).await.unwrap();
    assert_eq!(way(&cancelled), ["pending", "cancelled"]);
    assert_eq!(
        (cancelled.summary.status, cancelled.summary.version),
        (Status::Cancelled, version(2))
    );
    assert_eq!(cancelled.items, placed.items);
    assert_eq!((test.stock(a).await, test.stock(b).await), (10, 10));
    let read = database.order(Visible::to(&context().caller), id).await.unwrap().unwrap();
    assert_eq!(read, cancelled);

    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn a_cancel_that_is_sent_again_is_answered_with_the_order_and_writes_nothing() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 100, 10).await;
    let id = place(&database, &[(mug, 3)]).await.summary.id;
    let first = app::cancel_order(&*database, id, Some(version(1)), &context()).await.unwrap();
    // Without a version, with that of the first cancel, and with the current one.
    for seen in [None, Some(version(1)), Some(version(2))] {
        let again = app::cancel_order(&*database, id, seen, &context()).await.unwrap();
        assert_eq!(again, first);
    }
    let stale = app::cancel_order(&*database, id, Some(version(3)), &context()).await;
    assert!(
        matches!(stale, Err(Error::VersionMismatch { current }) if current == version(2)),
        "{stale:?}"
    );
    assert_eq!((test.stock(mug).await, test.rows().await[2]), (10, 2));
    // A cancelled order does not change again.
    for status in [Status::Confirmed, Status::Shipped, Status::Delivered] {
        let refused =
            app::update_order_status(&*database, id, status, version(2), &context()).await;
        assert!(matches!(refused, Err(Error::IllegalTransition { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_cancel_is_not_refused_for_stock_that_can_not_be_counted() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 100, 10).await;
    let placed = place(&database, &[(mug, 3)]).await;
    let all = "UPDATE products SET stocked = stocked - stock + 2147483647, stock = 2147483647";
    test.sql.batch_execute(all).await.unwrap();
    app::cancel_order(&*database, placed.summary.id, None, &context()).await.unwrap();
    assert_eq!(test.stock(mug).await, i32::MAX);
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn an_order_goes_through_its_life_and_no_other_way() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 100, 10).await;
    let id = place(&database, &[(mug, 1)]).await.summary.id;
    let mut seen = Version::FIRST;
    for next in [Status::Confirmed, Status::Shipped, Status::Delivered] {
        let now = database
            .order(Visible::to(&context().caller), id)
            .await
            .unwrap()
            .unwrap()
            .summary
            .status;
        for status in Status::ALL.into_iter().filter(|status| !now.can_become(*status)) {
            let refused = app::update_order_status(&*database, id, status, seen, &context()).await;
            assert!(matches!(refused, Err(Error::IllegalTransition { .. })), "{refused:?}");
        }
        let changed =
            app::update_order_status(&*database, id, next, seen, &context()).await.unwrap();
        seen = seen.next();
        assert_eq!((changed.summary.status, changed.summary.version), (next, seen));
    }
    assert_eq!(test.stock(mug).await, 9);
    let late = app::cancel_order(&*database, id, None, &context()).await;
    assert!(matches!(late, Err(Error::IllegalTransition { .. })), "{late:?}");
}

#[tokio::test]
async fn of_two_editors_the_second_is_told_and_nothing_is_lost() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 100, 10).await;
    let id = place(&database, &[(mug, 1)]).await.summary.id;
    app::update_order_status(&*database, id, Status::Confirmed, version(1), &context())
        .await
        .unwrap();
    for seen in [version(1), version(3)] {
        let late =
            app::update_order_status(&*database, id, Status::Shipped, seen, &context()).await;
        assert!(
            matches!(late, Err(Error::VersionMismatch { current }) if current == version(2)),
            "{late:?}"
        );
        let late = app::cancel_order(&*database, id, Some(seen), &context()).await;
        assert!(
            matches!(late, Err(Error::VersionMismatch { current }) if current == version(2)),
            "{late:?}"
        );
    }
    app::cancel_order(&*database, id, Some(version(2)), &context()).await.unwrap();
}

#[tokio::test]
async fn an_order_of_somebody_else_can_not_be_cancelled_and_is_not_told_apart_from_none() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 100, 10).await;
    let id = place(&database, &[(mug, 1)]).await.summary.id;
    test.sql.batch_execute("UPDATE orders SET owner = 'somebody else'").await.unwrap();
    for id in [id, OrderId::generate()] {
        let refused = app::cancel_order(&*database, id, None, &context()).await;
        assert!(matches!(refused, Err(Error::OrderNotFound)), "{refused:?}");
    }
    assert_eq!(test.stock(mug).await, 9);

    let staff = Context { caller: caller("grace", &[Scope::Staff]), ..context() };
    let cancelled = app::cancel_order(&*database, id, None, &staff).await.unwrap();
    assert_eq!(cancelled.history.last().unwrap().actor, "grace");
    assert_eq!(test.stock(mug).await, 10);
}

#[tokio::test]
async fn a_change_that_waited_for_another_answers_with_the_history_of_both() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 100, 10).await;
    let id = place(&database, &[(mug, 1)]).await.summary.id;
    test.begin(
        "UPDATE orders SET status = 'confirmed', version = 2;
         INSERT INTO order_history
             (order_id, version, from_status, to_status, at, actor, correlation_id)
         SELECT id, 2, 'pending', 'confirmed', now(), 'fulfill-order', 'fulfillment' FROM orders",
    )
    .await;
    let context = context();
    let cancel = app::cancel_order(&*database, id, None, &context);
    let (cancelled, ()) = tokio::join!(cancel, test.commit_once_somebody_waits());
    let cancelled = cancelled.unwrap();
    assert_eq!(way(&cancelled), ["pending", "confirmed", "cancelled"]);
    let read = database.order(Visible::to(&context.caller), id).await.unwrap();
    assert_eq!(read.unwrap(), cancelled);
    assert_eq!(test.stock(mug).await, 10);
}

#[tokio::test]
async fn fifty_cancels_at_once_give_the_stock_back_once() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let (a, b) = (test.product("EUR", 100, 10).await, test.product("EUR", 100, 10).await);
    let id = place(&database, &[(b, 2), (a, 3)]).await.summary.id;
    let processes = join_all((0..50).map(|_| test.connect())).await;
    let context = context();
    let cancels =
        processes.iter().map(|database| app::cancel_order(&**database, id, None, &context));
    let answers = join_all(cancels).await;
    for answer in answers {
        assert_eq!(way(&answer.unwrap()), ["pending", "cancelled"]);
    }
    assert_eq!((test.stock(a).await, test.stock(b).await), (10, 10));
    let read = database.order(Visible::to(&context.caller), id).await.unwrap().unwrap();
    assert_eq!(way(&read), ["pending", "cancelled"]);
}

#[tokio::test]
async fn cancels_that_race_fulfillment_leave_a_history_that_makes_sense() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 100, 1000).await;
    let processes = join_all((0..4).map(|_| test.connect())).await;
    let (mut before, mut after) = (0, 0);
    for _ in 0..50 {
        let order = place(&database, &[(mug, 1)]).await;
        let id = order.summary.id;
        let jobs = [FulfillmentJob::new(&order, &context())];
        let context = context();
        let (one, other, confirmed, again) = tokio::join!(
            app::cancel_order(&*processes[0], id, None, &context),
            app::cancel_order(&*processes[1], id, None, &context),
            processes[2].confirm(&jobs),
            processes[3].confirm(&jobs),
        );
        assert_eq!(one.unwrap(), other.unwrap());
        confirmed.unwrap();
        again.unwrap();
        let read = database.order(Visible::to(&context.caller), id).await.unwrap().unwrap();
        match way(&read)[..] {
            ["pending", "cancelled"] => before += 1,
            ["pending", "confirmed", "cancelled"] => after += 1,
            ref other => panic!("{other:?}"),
        }
    }
    eprintln!("50 races: {before} cancelled before fulfillment, {after} after");
    assert_eq!(test.stock(mug).await, 1000);
    assert_eq!(test.books().await.discrepancies, []);
}
