//! Many orders for little stock.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use waybill::app::{PlaceOrders, Placement};
use waybill::domain::{Order, OrderId, ProductId};
use waybill::postgres::Database;

use crate::support::{TestDatabase, connections, context, order};

const CUSTOMERS: usize = 40;
const ORDERS_EACH: usize = 5;
const PRODUCTS: usize = 5;
const STOCK: i32 = 120;

/// The product numbers and quantities of an order. A product may appear twice.
type Basket = Vec<(usize, i64)>;

/// A `SplitMix64` generator (Steele, Lea and Flood, 2014), for the same baskets in every run.
struct Dice(u64);

impl Dice {
    /// A number from 0 to `sides` - 1.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((bits ^ (bits >> 31)) % sides as u64).unwrap()
    }

    /// Two to five lines, in any order.
    fn basket(&mut self) -> Basket {
        let lines = 2 + self.roll(4);
        (0..lines)
            .map(|_| (self.roll(PRODUCTS), i64::try_from(1 + self.roll(3)).unwrap()))
            .collect()
    }
}

/// The state of the whole database.
struct Sight {
    /// The lowest stock of any product or bucket.
    least: i32,
    /// Products whose stock and orders do not add up.
    wrong: i64,
    accepted: i64,
}

async fn look(sql: &Client) -> Sight {
    let row = sql
        .query_one(
            "SELECT min(least(p.stock, b.least)),
                    count(*) FILTER (WHERE p.stock + coalesce(b.stock, 0) + coalesce(s.sold, 0) <> $1),
                    (SELECT count(*) FROM orders)
             FROM products p
             LEFT JOIN (
                 SELECT product_id, sum(stock) AS stock, min(stock) AS least
                 FROM stock_buckets GROUP BY 1
             ) b ON b.product_id = p.id
             LEFT JOIN (SELECT product_id, sum(quantity) AS sold FROM order_items GROUP BY 1) s
             ON s.product_id = p.id",
            &[&i64::from(STOCK)],
        )
        .await
        .unwrap();
    Sight { least: row.get(0), wrong: row.get(1), accepted: row.get(2) }
}

/// Locks every product until all customers wait, then lets go.
async fn open_the_doors_when_all_wait(doors: &Client, sql: &Client) -> i64 {
    let patience = Instant::now() + Duration::from_secs(3);
    let mut waiting = 0;
    let all = i64::try_from(CUSTOMERS.min(connections())).unwrap();
    while waiting < all && Instant::now() < patience {
        let count = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        waiting = sql.query_one(count, &[]).await.unwrap().get(0);
    }
    doors.batch_execute("COMMIT").await.unwrap();
    waiting
}

/// Places one order after another, and keeps the accepted ones.
async fn shop(
    database: Arc<Database>,
    products: Vec<ProductId>,
    baskets: Vec<Basket>,
) -> (Vec<(Basket, Order)>, usize) {
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for basket in baskets {
        let lines: Vec<_> = basket.iter().map(|&(n, pieces)| (products[n], pieces)).collect();
        let id = OrderId::generate();
        match database.place(id, &order(&lines), None, &context()).await.unwrap() {
            Placement::Placed(order) => accepted.push((basket, order)),
            Placement::Refused(lines) => {
                let short = lines
                    .iter()
                    .any(|found| found.product.as_ref().unwrap().stock.get() < found.line.quantity);
                assert!(short, "refused, though there is enough: {lines:?}");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    (accepted, refused)
}

#[tokio::test]
async fn a_rush_of_two_hundred_baskets_sells_what_is_there_and_nothing_else() {
    rush([1; PRODUCTS]).await;
}

#[tokio::test]
async fn the_same_rush_for_products_in_buckets_sells_the_same() {
    rush([16; PRODUCTS]).await;
}

#[tokio::test]
async fn the_same_rush_for_products_with_and_without_buckets_sells_the_same() {
    rush([64, 1, 4, 1, 16]).await;
}

/// Sells products that are in so many buckets.
async fn rush(buckets: [i32; PRODUCTS]) {
    let test = TestDatabase::new().await;
    let prices = [100, 250, 399, 1450, 9999];
    let mut products = Vec::new();
    for (price, buckets) in prices.into_iter().zip(buckets) {
        products.push(test.bucketed_product(("EUR", price), STOCK, buckets).await);
    }
    let mut dice = Dice(2026);
    let baskets: Vec<Vec<Basket>> =
        (0..CUSTOMERS).map(|_| (0..ORDERS_EACH).map(|_| dice.basket()).collect()).collect();
    let all: Vec<&Basket> = baskets.iter().flatten().collect();
    let backwards = all.iter().filter(|basket| !basket.is_sorted_by_key(|line| line.0)).count();
    let twice = all.iter().filter(|basket| distinct(basket) < basket.len()).count();

    let customers = join_all((0..CUSTOMERS).map(|_| test.connect())).await;
    let (doors, connection) = tokio_postgres::connect(&test.direct_url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let close = "BEGIN; SELECT FROM stock_buckets ORDER BY product_id, bucket FOR UPDATE;
                 SELECT FROM products ORDER BY id FOR UPDATE";
    doors.batch_execute(close).await.unwrap();
    let rush: Vec<_> = customers
        .into_iter()
        .zip(baskets.clone())
        .map(|(database, baskets)| tokio::spawn(shop(database, products.clone(), baskets)))
        .collect();
    let at_once = open_the_doors_when_all_wait(&doors, &test.sql).await;
    let (mut looks, mut while_running) = (0, 0);
    while rush.iter().any(|customer| !customer.is_finished()) {
        let sight = look(&test.sql).await;
        assert!(sight.least >= 0, "stock is {}", sight.least);
        assert_eq!(sight.wrong, 0, "products that do not add up");
        looks += 1;
        while_running += usize::from(sight.accepted > 0);
    }
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for customer in rush {
        let (orders, refusals) = customer.await.unwrap();
        accepted.extend(orders);
        refused += refusals;
    }

    let mut sold = [0; PRODUCTS];
    let mut lines = 0;
    for (basket, order) in &accepted {
        let mut total = 0;
        for &(n, pieces) in basket {
            sold[n] += pieces;
            total += prices[n] * pieces;
        }
        assert_eq!(order.summary.total.minor(), total);
        assert_eq!(order.items.len(), distinct(basket));
        lines += order.items.len();
        let sql = "SELECT o.total_minor, sum(i.quantity * i.unit_price_minor)::bigint
                   FROM orders o JOIN order_items i ON i.order_id = o.id
                   WHERE o.id = $1 GROUP BY o.id";
        let id: Uuid = order.summary.id.as_uuid();
        let row = test.sql.query_one(sql, &[&id]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (total, total));
    }
    let mut left = Vec::new();
    for &product in &products {
        left.push(test.stock(product).await);
    }
    let outbox: i64 = test.sql.query_one("SELECT count(*) FROM outbox", &[]).await.unwrap().get(0);
    eprintln!(
        "200 baskets ({backwards} out of order, {twice} with a product twice), {at_once} at once: \
         {} accepted, {refused} refused; of {STOCK} each sold {sold:?}, left {left:?}; \
         looked {looks} times, {while_running} while selling",
        accepted.len()
    );

    assert_eq!(accepted.len() + refused, CUSTOMERS * ORDERS_EACH);
    assert_eq!(look(&test.sql).await.wrong, 0);
    assert_eq!(test.books().await.discrepancies, []);
    for (sold, left) in sold.into_iter().zip(left) {
        assert!(left >= 0);
        assert_eq!(sold, i64::from(STOCK - left));
    }
    let rows = [accepted.len(), lines, accepted.len(), 2 * accepted.len()];
    let [orders, items, history] = test.rows().await;
    assert_eq!([orders, items, history, outbox], rows.map(|rows| i64::try_from(rows).unwrap()));
    // Otherwise they did not run at the same time.
    assert_eq!(at_once, i64::try_from(CUSTOMERS.min(connections())).unwrap());
    assert!(!accepted.is_empty() && refused > 0 && while_running > 0);
    assert!(backwards > 50 && twice > 50);
}

/// The statement begins while the stock is empty, and gets the lock when there is enough again.
#[tokio::test]
async fn an_order_that_waited_for_stock_to_come_back_is_placed() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 100, 0).await;
    test.begin("UPDATE products SET stock = 10, stocked = 10").await;
    let (wanted, context) = (order(&[(mug, 4)]), context());
    let place = database.place(OrderId::generate(), &wanted, None, &context);
    let (placed, ()) = tokio::join!(place, test.commit_once_somebody_waits());
    assert!(matches!(placed.unwrap(), Placement::Placed(_)));
    assert_eq!(test.stock(mug).await, 6);
    assert_eq!(test.books().await.discrepancies, []);
}

fn distinct(basket: &Basket) -> usize {
    basket.iter().map(|(product, _)| product).collect::<HashSet<_>>().len()
}
