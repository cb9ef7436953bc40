//! Stock in buckets: what orders take and give back, and what others do in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use testkit::proxy::{Proxy, authority};
use uuid::Uuid;
use waybill::app::{
    self, ChangeOrders, ListProducts, PlaceOrders, Placement, Precondition, Put, PutProducts,
    ReadProduct,
};
use waybill::domain::{
    Buckets, Currency, Money, NewProduct, Order, OrderId, ProductId, ProductName, Seen, Status,
    Stock, Visible,
};
use waybill::postgres::{CHANGE_STATUS, Database};

use crate::support::{STATEMENTS, TestDatabase, config, context, first_products, order, version};

const EUR: (&str, i64) = ("EUR", 1450);

/// A new id that picks this bucket of products with `buckets` buckets.
fn id(bucket: u128, buckets: u128) -> OrderId {
    let new = Uuid::now_v7().as_u128();
    let id = new - (new & 0x7FFF_FFFF) % buckets + bucket - 1;
    OrderId::from(Uuid::from_u128(id))
}

async fn place(database: &Database, id: OrderId, lines: &[(ProductId, i64)]) -> Placement {
    database.place(id, &order(lines), None, &context()).await.unwrap()
}

async fn placed(database: &Database, id: OrderId, lines: &[(ProductId, i64)]) -> Order {
    let placement = place(database, id, lines).await;
    let Placement::Placed(order) = placement else { panic!("{placement:?}") };
    order
}

/// How many of each line are available, according to the refusal.
async fn available(database: &Database, id: OrderId, lines: &[(ProductId, i64)]) -> Vec<i32> {
    let placement = place(database, id, lines).await;
    let Placement::Refused(lines) = placement else { panic!("{placement:?}") };
    lines.iter().map(|found| found.product.as_ref().unwrap().stock.get()).collect()
}

fn mug(stock: i32, buckets: Option<i32>) -> NewProduct {
    NewProduct {
        name: ProductName::parse("Enamel mug").unwrap(),
        price: Money::new(1450, Currency::parse("EUR").unwrap()).unwrap(),
        stock: Stock::new(stock).unwrap(),
        buckets: buckets.map(|number| Buckets::new(number).unwrap()),
        active: true,
    }
}

async fn cancel(database: &Database, id: OrderId) {
    let change = database.change(Visible::All, id, Status::Cancelled, None, &context()).await;
    assert!(change.unwrap().unwrap().made);
}

#[tokio::test]
async fn an_order_takes_from_the_picked_bucket_and_then_from_the_ones_after_it() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.bucketed_product(EUR, 10, 4).await;
    assert_eq!(test.buckets(mug).await, [3, 3, 2, 2]);
    placed(&database, id(3, 4), &[(mug, 1)]).await;
    assert_eq!(test.buckets(mug).await, [3, 3, 1, 2]);
    let order = placed(&database, id(4, 4), &[(mug, 4)]).await;
    assert_eq!(test.buckets(mug).await, [1, 3, 1, 0]);
    assert_eq!((order.items.len(), order.items[0].quantity), (1, 4));
    // The exact sum, in a refusal as in reads.
    assert_eq!(available(&database, id(4, 4), &[(mug, 6)]).await, [5]);
    assert_eq!(database.product(mug).await.unwrap().unwrap().stock.get(), 5);
    let page = database.products(&first_products(5)).await.unwrap();
    assert_eq!((page.entries[0].stock.get(), page.entries[0].buckets.get()), (5, 4));
    // All that is left.
    placed(&database, id(4, 4), &[(mug, 5)]).await;
    assert_eq!(test.buckets(mug).await, [0, 0, 0, 0]);
    assert_eq!(available(&database, id(1, 4), &[(mug, 1)]).await, [0]);
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn an_order_for_products_with_and_without_buckets_takes_all_or_nothing() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.bucketed_product(EUR, 10, 4).await;
    let pan = test.product("EUR", 3999, 5).await;
    placed(&database, id(1, 4), &[(pan, 2), (mug, 4)]).await;
    assert_eq!((test.stock(mug).await, test.stock(pan).await), (6, 3));
    // Each of the two is short once, and the other is not taken then.
    assert_eq!(available(&database, id(1, 4), &[(pan, 4), (mug, 1)]).await[0], 3);
    assert_eq!(available(&database, id(1, 4), &[(pan, 1), (mug, 7)]).await[1], 6);
    assert_eq!((test.stock(mug).await, test.stock(pan).await), (6, 3));
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn an_order_that_is_canceled_gives_back_to_a_bucket() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.bucketed_product(EUR, 8, 4).await;
    let pan = test.product("EUR", 3999, 5).await;
    let order = id(2, 4);
    placed(&database, order, &[(mug, 5), (pan, 1)]).await;
    assert_eq!(test.buckets(mug).await, [2, 0, 0, 1]);
    cancel(&database, order).await;
    assert_eq!(test.buckets(mug).await, [2, 5, 0, 1]);
    assert_eq!(test.stock(pan).await, 5);
    // Once.
    let again = database.change(Visible::All, order, Status::Cancelled, None, &context()).await;
    assert!(!again.unwrap().unwrap().made);
    assert_eq!(test.stock(mug).await, 8);
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn orders_that_take_from_different_buckets_do_not_wait_for_each_other() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.bucketed_product(EUR, 64, 16).await;
    test.begin("SELECT FROM stock_buckets WHERE bucket = 7 FOR UPDATE").await;
    for bucket in (1..=16).filter(|bucket| *bucket != 7) {
        placed(&database, id(bucket, 16), &[(mug, 1)]).await;
    }
    let lines = [(mug, 1)];
    let placing = placed(&database, id(7, 16), &lines);
    let (order, ()) = tokio::join!(placing, test.commit_once_somebody_waits());
    assert_eq!(order.items[0].quantity, 1);
    assert_eq!(test.buckets(mug).await, [3; 16]);
}

#[tokio::test]
async fn an_order_is_one_round_trip_once_the_process_knows_of_the_buckets() {
    let test = TestDatabase::new().await;
    let mug = test.bucketed_product(EUR, 10, 4).await;
    let pan = test.product("EUR", 3999, 10).await;
    let proxy = Proxy::to(authority(&test.url)).await;
    let database =
        Database::connect(&config(proxy.instead_of(&test.url)), STATEMENTS).await.unwrap();
    let trips = async |lines: &[(ProductId, i64)]| {
        proxy.forget();
        placed(&database, OrderId::generate(), lines).await;
        proxy.postgres_round_trips()
    };
    // The first one finds out, and prepares the other statement.
    assert_eq!(trips(&[(mug, 1)]).await, 3);
    assert_eq!(trips(&[(mug, 1)]).await, 1);
    assert_eq!(trips(&[(pan, 1), (mug, 4)]).await, 1);
    assert_eq!(trips(&[(pan, 1)]).await, 1);
    // A refusal, too.
    proxy.forget();
    assert_eq!(available(&database, OrderId::generate(), &[(mug, 9)]).await, [4]);
    assert_eq!(proxy.postgres_round_trips(), 1);
}

#[tokio::test]
async fn staff_spread_the_stock_over_more_or_fewer_buckets() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let product = ProductId::from(Uuid::now_v7());
    let put = database.put(product, &mug(10, Some(4)), Precondition::Absent).await.unwrap();
    let Put::Created(mut seen) = put else { panic!("{put:?}") };
    assert_eq!((seen.stock.get(), seen.buckets.get()), (10, 4));
    assert_eq!(database.product(product).await.unwrap(), Some(seen.clone()));
    assert_eq!(test.buckets(product).await, [3, 3, 2, 2]);
    placed(&database, id(1, 4), &[(product, 3)]).await;
    // What was sold since stays sold, and is taken evenly. No number leaves the buckets as they are.
    for (stock, buckets, expected) in [
        (10, None, vec![2, 2, 2, 1]),
        (7, Some(2), vec![4, 3]),
        (9, Some(16), [vec![1; 9], vec![0; 7]].concat()),
        (9, Some(1), vec![]),
        (9, None, vec![]),
        (9, Some(64), [vec![1; 9], vec![0; 55]].concat()),
    ] {
        let base = Seen { version: seen.version, stock: Some(seen.stock) };
        let put = database.put(product, &mug(stock, buckets), Precondition::Unchanged(base)).await;
        let Put::Replaced(now) = put.unwrap() else { panic!("refused: {stock}, {buckets:?}") };
        assert_eq!(test.buckets(product).await, expected);
        assert_eq!(database.product(product).await.unwrap(), Some(now.clone()));
        assert_eq!(now.buckets.get(), i32::try_from(expected.len().max(1)).unwrap());
        assert_eq!(test.books().await.discrepancies, []);
        seen = now;
    }
    assert_eq!(seen.stock.get(), 9);
    placed(&database, OrderId::generate(), &[(product, 9)]).await;
    // The editor leaves none of nine, of which all are sold.
    let base = Seen { version: seen.version, stock: Some(seen.stock) };
    let put = database.put(product, &mug(8, None), Precondition::Unchanged(base)).await.unwrap();
    assert!(matches!(&put, Put::Refused(Some(now)) if now.stock.get() == 0), "{put:?}");
    assert_eq!(test.books().await.discrepancies, []);
}

/// What a PUT does to the buckets while an order waits for one of them, and what the order then costs.
async fn put_while_an_order_waits(buckets: i32, sql: &str) -> (TestDatabase, ProductId, Placement) {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.bucketed_product(EUR, 8, buckets).await;
    // The process knows of them.
    placed(&database, id(1, 4), &[(mug, 1)]).await;
    test.begin(&format!(
        "SELECT FROM stock_buckets ORDER BY bucket FOR UPDATE;
         UPDATE products SET price_minor = 99, version = version + 1; {sql}"
    ))
    .await;
    let lines = [(mug, 2)];
    let placing = place(&database, id(1, 4), &lines);
    let (placement, ()) = tokio::join!(placing, test.commit_once_somebody_waits());
    (test, mug, placement)
}

#[tokio::test]
async fn an_order_that_waited_for_a_put_has_the_new_price() {
    for (buckets, sql) in [
        (4, "UPDATE stock_buckets SET version = version + 1"),
        (
            4,
            "DELETE FROM stock_buckets; UPDATE products SET stock = 7, stock_buckets = 1",
        ),
        (
            4,
            "DELETE FROM stock_buckets WHERE bucket > 2;
             UPDATE products SET stock_buckets = 2;
             UPDATE stock_buckets SET stock = 5 - bucket, version = version + 1",
        ),
        (
            4,
            "INSERT INTO stock_buckets SELECT id, 5, 0, version FROM products;
             UPDATE products SET stock_buckets = 5;
             UPDATE stock_buckets SET version = version + 1",
        ),
        (
            1,
            "INSERT INTO stock_buckets SELECT id, n, 2 + n, version FROM products, generate_series(1, 2) n;
             UPDATE products SET stock = 0, stock_buckets = 2, stocked = stocked",
        ),
    ] {
        let (test, mug, placement) = put_while_an_order_waits(buckets, sql).await;
        let Placement::Placed(order) = placement else { panic!("{sql}: {placement:?}") };
        assert_eq!(order.summary.total.minor(), 198, "{sql}");
        assert_eq!(test.stock(mug).await, 5, "{sql}");
        assert_eq!(test.books().await.discrepancies, [], "{sql}");
    }
}

#[tokio::test]
async fn a_refusal_after_a_put_names_the_stock_that_the_put_left() {
    let (test, _, placement) = put_while_an_order_waits(
        4,
        "UPDATE stock_buckets SET version = version + 1, stock = CASE bucket WHEN 3 THEN 1 ELSE 0 END;
         UPDATE products SET stocked = 2",
    )
    .await;
    let Placement::Refused(lines) = placement else { panic!("{placement:?}") };
    assert_eq!(lines[0].product.as_ref().unwrap().stock.get(), 1);
    assert_eq!(test.books().await.discrepancies, []);
}

/// Code of an earlier release gives back to the product, of whose buckets it does not know.
#[tokio::test]
async fn pieces_that_older_code_gave_back_are_counted_and_sold() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let product = test.bucketed_product(EUR, 8, 4).await;
    let all = id(1, 4);
    placed(&database, all, &[(product, 8)]).await;
    cancel(&database, all).await;
    test.sql
        .batch_execute(
            "UPDATE products SET stock = stock + 8;
             UPDATE stock_buckets SET stock = 0",
        )
        .await
        .unwrap();
    assert_eq!(database.product(product).await.unwrap().unwrap().stock.get(), 8);
    assert_eq!(available(&database, id(2, 4), &[(product, 9)]).await, [8]);
    placed(&database, id(2, 4), &[(product, 3)]).await;
    assert_eq!((test.stock(product).await, test.buckets(product).await), (5, vec![0; 4]));
    // A PUT spreads them.
    let seen = Seen { version: version(1), stock: Stock::new(5) };
    let put = database.put(product, &mug(5, None), Precondition::Unchanged(seen)).await.unwrap();
    assert!(matches!(put, Put::Replaced(_)), "{put:?}");
    assert_eq!(test.buckets(product).await, [2, 1, 1, 1]);
    assert_eq!(test.books().await.discrepancies, []);
}

#[tokio::test]
async fn a_bucket_that_is_full_leaves_what_comes_back_to_the_product() {
    let test = TestDatabase::new().await;
    let database = Arc::new(Database::connect(&test.config(), &[CHANGE_STATUS]).await.unwrap());
    let product = test.bucketed_product(EUR, 8, 2).await;
    let order = id(1, 2);
    placed(&database, order, &[(product, 3)]).await;
    test.sql
        .batch_execute(
            "UPDATE stock_buckets SET stock = 2147483646 WHERE bucket = 1;
             UPDATE products SET stocked = (SELECT sum(stock) FROM stock_buckets) + 3",
        )
        .await
        .unwrap();
    app::cancel_order(&*database, order, None, &context()).await.unwrap();
    assert_eq!(test.books().await.discrepancies, []);
    // More than the API can say.
    let most = database.product(product).await.unwrap().unwrap();
    assert_eq!(most.stock.get(), i32::MAX);
}

/// A refusal, and between which moments it was made.
struct Refusal {
    available: i32,
    began: Instant,
    ended: Instant,
}

/// Every number in a refusal is one that the stock had during the request: what was there, without the
/// orders that had ended before, and at most without those that had begun.
#[tokio::test]
async fn of_two_hundred_orders_at_once_the_refused_ones_name_the_exact_stock() {
    const PEOPLE: usize = 20;
    const STOCK: i64 = 300;
    let test = TestDatabase::new().await;
    let mug = test.bucketed_product(EUR, i32::try_from(STOCK).unwrap(), 16).await;
    let people = join_all((0..PEOPLE).map(|_| test.connect())).await;
    let shopping = people.iter().zip(1_i64..).map(async |(database, person)| {
        let (mut sales, mut refusals) = (Vec::new(), Vec::new());
        for turn in 0..10 {
            let pieces = 1 + (person * 7 + turn * 3) % 5;
            let began = Instant::now();
            let placement = place(database, OrderId::generate(), &[(mug, pieces)]).await;
            let ended = Instant::now();
            match placement {
                Placement::Placed(_) => sales.push((pieces, began, ended)),
                Placement::Refused(lines) => {
                    let available = lines[0].product.as_ref().unwrap().stock.get();
                    assert!(i64::from(available) < pieces);
                    refusals.push(Refusal { available, began, ended });
                }
                other => panic!("{other:?}"),
            }
        }
        (sales, refusals)
    });
    let done = tokio::time::timeout(Duration::from_mins(1), join_all(shopping)).await.unwrap();
    let (sales, refusals): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let (sales, refusals) = (sales.concat(), refusals.into_iter().flatten().collect::<Vec<_>>());
    for Refusal { available, began, ended } in &refusals {
        let sold = |before: &dyn Fn(&(i64, Instant, Instant)) -> bool| {
            sales.iter().filter(|sale| before(sale)).map(|sale| sale.0).sum::<i64>()
        };
        let most = STOCK - sold(&|sale| sale.2 < *began);
        let least = STOCK - sold(&|sale| sale.1 < *ended);
        assert!((least..=most).contains(&i64::from(*available)), "{available}: {least} to {most}");
    }
    let sold: i64 = sales.iter().map(|sale| sale.0).sum();
    eprintln!("{} sold {sold} of {STOCK}, {} refused", sales.len(), refusals.len());
    assert!(!refusals.is_empty());
    let left = i32::try_from(STOCK - sold).unwrap();
    assert_eq!(test.stock(mug).await, left);
    assert_eq!(available(&people[0], OrderId::generate(), &[(mug, 9)]).await, [left]);
    assert_eq!(test.books().await.discrepancies, []);
}
