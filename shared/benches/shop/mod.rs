//! A database of its own, with products to order and orders to confirm.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;
use waybill::app::{Context, FulfillmentJob};
use waybill::config::DatabaseConfig;
use waybill::domain::{
    Caller, CorrelationId, CustomerEmail, CustomerName, NewOrder, Owner, ProductId, Quantity, Scope,
};

use crate::database;

/// How many products there are to choose from, and lines in an order.
pub(crate) const PRODUCTS: u64 = 1_000;
const LINES: u64 = 3;

/// Where the numbers begin that ids are made of: of what is there, and of what is to be confirmed. The
/// service's own ids are far above.
pub(crate) const FIRST_STORED: u64 = 1 << 40;
const FIRST_PENDING: u64 = 1 << 41;

pub(crate) struct Shop {
    pub(crate) config: DatabaseConfig,
    pub(crate) sql: Client,
    next_basket: AtomicU64,
    next_pending: AtomicU64,
}

impl Shop {
    /// Makes a database on the server of `TEST_DATABASE_URL`, with so many orders of many owners.
    pub(crate) async fn open(orders: u64) -> Self {
        let (config, sql) = database::open().await;
        let shop = Self {
            config,
            sql,
            next_basket: AtomicU64::new(0),
            next_pending: AtomicU64::new(FIRST_PENDING),
        };
        // Maintenance in the middle of a turn would count for one side only.
        shop.run(&format!(
            "ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf();
             INSERT INTO products (id, name, currency, price_minor, stock, stocked)
             SELECT lpad(to_hex(n), 32, '0')::uuid, 'Product ' || n, 'EUR', 100 + n, 1000000000, 1000000000
             FROM generate_series(0, {PRODUCTS} - 1) n;
             CREATE FUNCTION number(day text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE RETURN
             'ORD-' || day || '-' || lpad(upper(to_hex(n % 4294967296)), 8, '0')"
        ))
        .await;
        shop.store("confirmed", FIRST_STORED, orders).await;
        // What is left to write of them is not to be written while somebody's turn is measured.
        shop.run("VACUUM ANALYZE; CHECKPOINT").await;
        shop
    }

    /// An order for three products that are some way apart.
    pub(crate) fn basket(&self) -> NewOrder {
        let first = self.next_basket.fetch_add(1, Ordering::Relaxed) * 7;
        let lines: Vec<_> = (0..LINES)
            .map(|line| {
                let product = Uuid::from_u128(u128::from((first + line * 331) % PRODUCTS));
                (ProductId::from(product), Quantity::parse(1).unwrap())
            })
            .collect();
        let name = CustomerName::parse("Ada Lovelace").unwrap();
        NewOrder::new(name, CustomerEmail::parse("ada@example.com").unwrap(), &lines).unwrap()
    }

    /// Stores pending orders, and answers with their jobs, in so many batches of this size.
    pub(crate) async fn pending(&self, batches: u64, size: u64) -> Vec<Vec<FulfillmentJob>> {
        let first = self.store_pending(batches * size).await;
        let job = |n: u64| {
            let body = json!({
                "v": 1,
                "order_id": Uuid::from_u128(u128::from(n)),
                "number": "ORD-20260221-6BA0A415",
                "items": [],
                "correlation_id": "bench",
                "placed_at": Timestamp::UNIX_EPOCH,
            });
            FulfillmentJob::parse(&body.to_string()).unwrap()
        };
        (0..batches)
            .map(|batch| (first + batch * size..first + (batch + 1) * size).map(job).collect())
            .collect()
    }

    /// Stores pending orders, and answers with the number that the first one's id is made of.
    pub(crate) async fn store_pending(&self, count: u64) -> u64 {
        let first = self.next_pending.fetch_add(count, Ordering::Relaxed);
        self.store("pending", first, count).await;
        self.run("VACUUM ANALYZE orders, order_history, outbox").await;
        first
    }

    /// Stores orders whose ids are made of the numbers from `first` on.
    async fn store(&self, status: &str, first: u64, count: u64) {
        // The ends of two numbers may be the same on two days.
        let day = if status == "pending" { "20200101" } else { "20200102" };
        self.run(&format!(
            "CREATE TEMPORARY TABLE new_orders AS
             SELECT n, lpad(to_hex(n), 32, '0')::uuid AS id
             FROM generate_series({first}::bigint, {first}::bigint + {count} - 1) n;
             INSERT INTO orders (id, number, owner, status, customer_name, customer_email, currency,
                                 total_minor, item_count, created_at, updated_at)
             SELECT id, number('{day}', n),
                    'owner-' || n % 1000, '{status}', 'Ada Lovelace', 'ada@example.com', 'EUR',
                    100, 1, now(), now()
             FROM new_orders;
             INSERT INTO order_items (order_id, line, product_id, name, unit_price_minor, quantity)
             SELECT id, 1, lpad(to_hex(n % {PRODUCTS}), 32, '0')::uuid, 'Product', 100, 1
             FROM new_orders;
             INSERT INTO order_history
                 (order_id, version, from_status, to_status, at, actor, correlation_id)
             SELECT id, 1, NULL, 'pending', now(), 'owner', 'bench'
             FROM new_orders;
             INSERT INTO outbox (id, order_id, kind, payload, correlation_id)
             SELECT id, id, 'fulfillment_job', '{{}}', 'bench'
             FROM new_orders WHERE '{status}' = 'pending';
             DROP TABLE new_orders"
        ))
        .await;
    }

    /// Runs statements one by one.
    pub(crate) async fn run(&self, sql: &str) {
        // VACUUM does not run among other statements.
        for statement in sql.split(';') {
            self.sql.batch_execute(statement).await.unwrap();
        }
    }
}

/// A customer who has no orders yet.
pub(crate) fn customer() -> String {
    format!("customer-{}", Uuid::new_v4().simple())
}

/// A request of one customer.
pub(crate) fn context(owner: &str) -> Context {
    Context {
        caller: Caller::new(Owner::parse(owner).unwrap(), [Scope::Read, Scope::Write]),
        correlation_id: CorrelationId::generate(),
        traceparent: None,
    }
}
