//! The limits on the orders of an owner.

use waybill::app::{ChangeOrders, Claim, Context, PlaceOrders, Placement};
use waybill::config::OwnerLimits;
use waybill::domain::{IdempotencyKey, OrderId, ProductId, Scope, Status, Visible};
use waybill::error::OwnerLimit;
use waybill::postgres::Database;

use crate::support::{STATEMENTS, TestDatabase, caller, context, order};

async fn limited(test: &TestDatabase, pending: i32, per_minute: i32) -> Database {
    let mut config = test.config();
    config.owner_limits = OwnerLimits { pending, per_minute };
    Database::connect(&config, STATEMENTS).await.unwrap()
}

async fn place(database: &Database, product: ProductId, context: &Context) -> Placement {
    database.place(OrderId::generate(), &order(&[(product, 1)]), None, context).await.unwrap()
}

#[tokio::test]
async fn an_owner_holds_so_many_pending_orders_and_no_more_until_one_is_done() {
    let test = TestDatabase::new().await;
    let database = limited(&test, 3, 1000).await;
    let mug = test.product("EUR", 1450, 100).await;
    let (ada, bob) = (context(), Context { caller: caller("bob", &[Scope::Write]), ..context() });
    let mut placed = Vec::new();
    for _ in 0..3 {
        let Placement::Placed(order) = place(&database, mug, &ada).await else { panic!() };
        placed.push(order.summary.id);
    }
    let refused = place(&database, mug, &ada).await;
    assert!(matches!(refused, Placement::OwnerLimit(OwnerLimit::Pending(3))), "{refused:?}");
    assert_eq!((test.stock(mug).await, test.rows().await[0]), (97, 3), "nothing is written");
    assert!(matches!(place(&database, mug, &bob).await, Placement::Placed(_)), "others may");
    for (id, status) in [(placed[0], Status::Confirmed), (placed[1], Status::Cancelled)] {
        database.change(Visible::All, id, status, None, &ada).await.unwrap();
        assert!(matches!(place(&database, mug, &ada).await, Placement::Placed(_)), "{status:?}");
        assert!(matches!(place(&database, mug, &ada).await, Placement::OwnerLimit(_)));
    }
}

#[tokio::test]
async fn an_owner_places_so_many_orders_in_a_minute_whatever_becomes_of_them() {
    let test = TestDatabase::new().await;
    let database = limited(&test, 1000, 2).await;
    let mug = test.product("EUR", 1450, 100).await;
    let ada = context();
    for _ in 0..2 {
        let Placement::Placed(order) = place(&database, mug, &ada).await else { panic!() };
        let (id, status) = (order.summary.id, Status::Cancelled);
        database.change(Visible::All, id, status, None, &ada).await.unwrap();
    }
    let refused = place(&database, mug, &ada).await;
    assert!(matches!(refused, Placement::OwnerLimit(OwnerLimit::PerMinute(2))), "{refused:?}");
    // A minute passes: 60,000 ms in the first 48 bits of each id.
    test.sql
        .batch_execute(
            "ALTER TABLE order_items DROP CONSTRAINT order_items_order_fkey;
             ALTER TABLE order_history DROP CONSTRAINT order_history_order_fkey;
             ALTER TABLE outbox DROP CONSTRAINT outbox_order_fkey;
             UPDATE orders SET id = (
                 lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - 60000), 12, '0')
                 || right(replace(id::text, '-', ''), 20))::uuid",
        )
        .await
        .unwrap();
    assert!(matches!(place(&database, mug, &ada).await, Placement::Placed(_)));
}

#[tokio::test]
async fn a_repeated_request_is_answered_from_the_first_though_its_owner_is_at_the_limit() {
    let test = TestDatabase::new().await;
    let database = limited(&test, 1, 1000).await;
    let mug = test.product("EUR", 1450, 100).await;
    let claim = Claim { key: IdempotencyKey::parse("a").unwrap(), request_hash: [1; 32] };
    let (wanted, context) = (order(&[(mug, 1)]), context());
    let place = async || {
        database.place(OrderId::generate(), &wanted, Some(&claim), &context).await.unwrap()
    };
    assert!(matches!(place().await, Placement::Placed(_)));
    assert!(matches!(place().await, Placement::Replayed(_)));
}
