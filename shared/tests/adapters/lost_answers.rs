//! Statements whose answers were lost: the client must get the true result.

use std::time::Duration;

use testkit::proxy::{Proxy, authority};
use waybill::app::{
    self, ChangeOrders, ConfirmOrders, FulfillmentJob, KeepOutbox, PlaceOrders, Placement,
    Precondition, Put, PutProducts, ReadProduct, Refusal, RefuseOrders, Settled,
};
use waybill::domain::{
    Currency, Money, NewProduct, Order, OrderId, ProductId, ProductName, Seen, Status, Stock,
    Visible,
};
use waybill::postgres::Database;

use crate::support::{STATEMENTS, TestDatabase, config, context, order, version};

/// A database, and an adapter behind a proxy that can drop answers.
struct World {
    test: TestDatabase,
    proxy: Proxy,
    database: Database,
}

impl World {
    async fn new() -> Self {
        let test = TestDatabase::new().await;
        let proxy = Proxy::to(authority(&test.url)).await;
        let config = config(proxy.instead_of(&test.url));
        let database = Database::connect(&config, STATEMENTS).await.unwrap();
        Self { test, proxy, database }
    }

    /// Runs `work`, whose first answer is lost.
    async fn losing<T>(&self, work: impl Future<Output = T>) -> T {
        let before = self.proxy.strikes();
        self.proxy.cut_next_answer();
        let result = work.await;
        assert_eq!(self.proxy.strikes(), before + 1);
        result
    }

    async fn place(&self, product: ProductId, pieces: i64) -> Order {
        let id = OrderId::generate();
        let wanted = order(&[(product, pieces)]);
        match self.database.place(id, &wanted, None, &context()).await.unwrap() {
            Placement::Placed(order) => order,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_order_that_took_the_last_stock_is_not_told_sold_out() {
    let world = World::new().await;
    let mug = world.test.product("EUR", 1450, 4).await;
    let id = OrderId::generate();
    let wanted = order(&[(mug, 4)]);
    let context = context();
    let placement = world.losing(world.database.place(id, &wanted, None, &context)).await.unwrap();
    let Placement::Placed(placed) = placement else { panic!("{placement:?}") };
    assert_eq!((placed.summary.id, placed.summary.version), (id, version(1)));
    assert_eq!((world.test.rows().await, world.test.stock(mug).await), ([1, 1, 1], 0));
}

#[tokio::test]
async fn one_request_is_one_order_whichever_index_reports_the_repeat() {
    for reindexed in ["orders_pkey", "orders_number_key"] {
        let world = World::new().await;
        let mug = world.test.product("EUR", 1450, 100).await;
        // The newer index is checked last, so the other one reports.
        let reindex = format!("REINDEX INDEX CONCURRENTLY {reindexed}");
        world.test.sql.batch_execute(&reindex).await.unwrap();
        let wanted = order(&[(mug, 4)]);
        let queue = Sent;
        let context = context();
        let created = app::create_order(&world.database, &queue, &wanted, None, &context);
        let created = world.losing(created).await.unwrap();
        assert!(!created.replayed);
        assert_eq!((world.test.rows().await, world.test.stock(mug).await), ([1, 1, 1], 96));
    }
}

/// A queue that accepts everything.
struct Sent;

impl app::SendJobs for Sent {
    async fn send(&self, _: &FulfillmentJob) -> Result<(), waybill::Error> {
        Ok(())
    }
}

#[tokio::test]
async fn a_change_that_was_made_is_answered_as_made() {
    let world = World::new().await;
    let mug = world.test.product("EUR", 1450, 4).await;
    let id = world.place(mug, 4).await.summary.id;
    let context = context();
    let confirmed =
        app::update_order_status(&world.database, id, Status::Confirmed, version(1), &context);
    let confirmed = world.losing(confirmed).await.unwrap();
    assert_eq!(
        (confirmed.summary.status, confirmed.summary.version),
        (Status::Confirmed, version(2))
    );
    let cancelled = world
        .losing(app::cancel_order(&world.database, id, Some(version(2)), &context))
        .await
        .unwrap();
    assert_eq!(
        (cancelled.summary.status, cancelled.summary.version),
        (Status::Cancelled, version(3))
    );
    assert_eq!(cancelled.history.len(), 3);
    assert_eq!(world.test.stock(mug).await, 4);
}

#[tokio::test]
async fn a_change_that_somebody_else_made_is_not_taken_for_ones_own() {
    let world = World::new().await;
    let mug = world.test.product("EUR", 1450, 4).await;
    let id = world.place(mug, 1).await.summary.id;
    let (one, other) = (context(), context());
    world.database.change(Visible::All, id, Status::Confirmed, None, &one).await.unwrap();
    // This batch finds the order confirmed, and its answer is lost.
    let change =
        world.database.change(Visible::All, id, Status::Confirmed, Some(version(1)), &other);
    let change = world.losing(change).await.unwrap().unwrap();
    assert!(!change.made, "{change:?}");
}

#[tokio::test]
async fn a_product_that_was_put_is_answered_as_put_though_all_of_it_is_sold() {
    let world = World::new().await;
    let id = ProductId::from(uuid::Uuid::now_v7());
    let product = |stock| NewProduct {
        name: ProductName::parse("Enamel mug").unwrap(),
        price: Money::new(1450, Currency::parse("EUR").unwrap()).unwrap(),
        stock: Stock::new(stock).unwrap(),
        buckets: None,
        active: true,
    };
    let (four, none) = (product(4), product(0));
    let put = world.losing(world.database.put(id, &four, Precondition::Absent)).await.unwrap();
    assert!(matches!(put, Put::Created(_)), "{put:?}");
    world.place(id, 3).await;
    let seen = Precondition::Unchanged(Seen { version: version(1), stock: Stock::new(1) });
    let put = world.losing(world.database.put(id, &none, seen)).await.unwrap();
    let Put::Replaced(now) = put else { panic!("{put:?}") };
    assert_eq!((now.version, now.stock.get()), (version(2), 0));
    assert_eq!(world.database.product(id).await.unwrap(), Some(now));
    assert_eq!(world.test.books().await.discrepancies, []);
}

#[tokio::test]
async fn fulfillment_confirms_and_refuses_once() {
    let world = World::new().await;
    let mug = world.test.product("EUR", 1450, 2).await;
    let (one, other) = (world.place(mug, 1).await, world.place(mug, 1).await);
    let jobs = [FulfillmentJob::new(&one, &context())];
    let before = world.losing(world.database.confirm(&jobs)).await.unwrap();
    // The attempt whose answer was lost confirmed it; either way the job is done.
    assert_eq!(before[&one.summary.id], Status::Confirmed);
    let job = FulfillmentJob::new(&other, &context());
    let refusals = [Refusal { job: &job, reason: "too heavy".to_owned() }];
    let now = world.losing(world.database.refuse(&refusals)).await.unwrap();
    assert_eq!(now[&other.summary.id], Status::Pending);
    assert_eq!(world.test.rows().await, [2, 2, 4]);
    assert_eq!(world.test.books().await.discrepancies, []);
}

#[tokio::test]
async fn old_keys_are_forgotten_though_the_count_is_lost() {
    let world = World::new().await;
    assert_eq!(world.losing(world.database.forget_old_keys()).await.unwrap(), 0);
    let again = vec![(uuid::Uuid::now_v7(), Duration::from_secs(1))];
    let settled = Settled { again, ..Settled::default() };
    world.losing(world.database.settle(&settled)).await.unwrap();
}
