//! One product that all orders are for, in one bucket and in many.

use std::time::Instant;

use futures_util::future::join_all;
use uuid::Uuid;
use waybill::app::{PlaceOrders, Placement};
use waybill::config::DatabaseConfig;
use waybill::domain::{CustomerEmail, CustomerName, NewOrder, OrderId, ProductId, Quantity};
use waybill::postgres::{Database, PLACE_ORDER, PLACE_ORDER_FROM_BUCKETS};

use crate::shop::{self, PRODUCTS, Shop};
use crate::{TURNS, median, rate};

/// How many orders each connection places in a turn.
const ORDERS_EACH: u64 = 400;
/// In how many connections, and in how many buckets.
const CONNECTIONS: [usize; 2] = [1, 8];
const BUCKETS: [i32; 2] = [1, 16];

/// Prints the rates with one bucket and with many, in turns.
///
/// The commits have to wait for the disk. Otherwise a row is locked for less time than the rest of the
/// statement takes, and the connections hardly wait for each other.
pub(crate) async fn run(shop: &Shop) {
    for setting in ["fsync", "synchronous_commit"] {
        let row = shop.sql.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "on", "the server has {setting} off");
    }
    println!("One product in all orders, orders a second, the median of {TURNS} turns.\n");
    println!("| connections | one bucket | {} buckets | ratio |", BUCKETS[1]);
    println!("|---|---:|---:|---:|");
    for connections in CONNECTIONS {
        let databases = [open(shop, connections).await, open(shop, connections).await];
        let mut rates = [const { Vec::new() }; 2];
        for turn in 0..=TURNS {
            for (which, buckets) in BUCKETS.into_iter().enumerate() {
                let product = Uuid::from_u128(which as u128);
                if turn == 0 {
                    spread(shop, product, buckets).await;
                }
                let placed = place(&databases[which], connections, ProductId::from(product)).await;
                // The first turn opens the connections.
                if turn > 0 {
                    rates[which].push(placed);
                }
            }
        }
        let [one, many] = rates.map(median);
        println!("| {connections} | {one:.0} | {many:.0} | {:.2} |", many / one);
    }
}

async fn open(shop: &Shop, connections: usize) -> Database {
    let config = DatabaseConfig { connections, ..shop.config.clone() };
    Database::connect(&config, &[PLACE_ORDER, PLACE_ORDER_FROM_BUCKETS]).await.unwrap()
}

/// Spreads the stock of a product over so many buckets.
async fn spread(shop: &Shop, product: Uuid, buckets: i32) {
    assert!(u128::from(PRODUCTS) > product.as_u128());
    shop.run(&format!(
        "DELETE FROM stock_buckets WHERE product_id = '{product}';
         UPDATE products SET stock_buckets = {buckets} WHERE id = '{product}';
         INSERT INTO stock_buckets (product_id, bucket, stock, version)
         SELECT '{product}', n, 1000000, 1 FROM generate_series(1, {buckets}) n WHERE {buckets} > 1;
         VACUUM ANALYZE stock_buckets"
    ))
    .await;
}

/// Places orders on all connections at once, and says how many a second.
async fn place(database: &Database, connections: usize, product: ProductId) -> f64 {
    let name = CustomerName::parse("Ada Lovelace").unwrap();
    let email = CustomerEmail::parse("ada@example.com").unwrap();
    let one = Quantity::parse(1).unwrap();
    let order = NewOrder::new(name, email, &[(product, one)]).unwrap();
    let started = Instant::now();
    let clients = (0..connections).map(async |_| {
        for _ in 0..ORDERS_EACH {
            let context = shop::context(&shop::customer());
            let placement = database.place(OrderId::generate(), &order, None, &context).await;
            assert!(matches!(placement, Ok(Placement::Placed(_))), "{placement:?}");
        }
    });
    join_all(clients).await;
    rate(ORDERS_EACH * connections as u64, started.elapsed())
}
