use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

use crate::{Stack, eventually};

pub(crate) async fn connect(config: &Config) -> Client {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .expect("DATABASE_URL names no Postgres that accepts connections without TLS");
    tokio::spawn(connection);
    client
}

impl Stack {
    /// The role that the service is in its database.
    pub async fn database_owner(&self) -> String {
        let statement = "SELECT pg_get_userbyid(datdba)::text FROM pg_database
                         WHERE datname = current_database()";
        self.database.query_one(statement, &[]).await.unwrap().get(0)
    }

    /// Adds a product at 12.50 EUR, and returns its id.
    pub async fn stock_product(&self, stock: i32) -> Uuid {
        let id = Uuid::now_v7();
        self.database
            .execute(
                "INSERT INTO products (id, name, currency, price_minor, stock, stocked) \
                 VALUES ($1, 'Test product ' || $1::uuid::text, 'EUR', 1250, $2, $2::integer)",
                &[&id, &stock],
            )
            .await
            .unwrap();
        id
    }

    /// The stock of a product, with its buckets.
    pub async fn stock_of(&self, product: Uuid) -> i32 {
        let statement = "SELECT (p.stock + coalesce((
                             SELECT sum(b.stock) FROM stock_buckets b WHERE b.product_id = p.id
                         ), 0))::integer
                         FROM products p WHERE p.id = $1";
        self.database.query_one(statement, &[&product]).await.unwrap().get(0)
    }

    /// How many orders have a line of a product.
    pub async fn orders_with(&self, product: Uuid) -> i64 {
        let statement = "SELECT count(*) FROM order_items WHERE product_id = $1";
        self.database.query_one(statement, &[&product]).await.unwrap().get(0)
    }

    /// How many orders were placed with this correlation id.
    pub async fn orders_placed_under(&self, correlation_id: &str) -> i64 {
        let statement = "SELECT count(*) FROM order_history WHERE correlation_id = $1";
        self.database.query_one(statement, &[&correlation_id]).await.unwrap().get(0)
    }

    /// Stores a pending order of the caller for one piece of a new product, without sending its job.
    pub async fn store_pending_order(&self, correlation_id: &str) -> Uuid {
        let id = Uuid::now_v7();
        self.store_pending_order_as(id, correlation_id).await;
        id
    }

    /// The same with a given id.
    pub async fn store_pending_order_as(&self, id: Uuid, correlation_id: &str) {
        let product = self.stock_product(1).await;
        self.database
            .execute(
                "WITH taken AS (
                     UPDATE products SET stock = stock - 1 WHERE id = $2
                 ), placed AS (
                     INSERT INTO orders (id, number, owner, status, customer_name, customer_email,
                                         currency, total_minor, item_count, created_at, updated_at)
                     VALUES ($1, 'ORD-' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD') || '-'
                                 || upper(right($1::uuid::text, 8)),
                             $4, 'pending', 'Ada Lovelace', 'ada@example.com',
                             'EUR', 1250, 1, now(), now())
                 ), items AS (
                     INSERT INTO order_items
                         (order_id, line, product_id, name, unit_price_minor, quantity)
                     SELECT $1, 1, id, name, price_minor, 1 FROM products WHERE id = $2
                 ), job AS (
                     -- Never due: the test sends the job.
                     INSERT INTO outbox
                         (id, order_id, kind, payload, correlation_id, available_at)
                     VALUES ($1, $1, 'fulfillment_job', '{}', $3, 'infinity')
                 )
                 INSERT INTO order_history
                     (order_id, version, from_status, to_status, at, actor, correlation_id)
                 VALUES ($1, 1, NULL, 'pending', now(), $4, $3)",
                &[&id, &product, &correlation_id, &self.subject()],
            )
            .await
            .unwrap();
    }

    /// Locks products until [`release`](Self::release), so that orders for them wait.
    pub async fn hold(&self, products: &[Uuid]) {
        self.database.batch_execute("BEGIN").await.unwrap();
        let statement = "SELECT FROM products WHERE id = ANY ($1) FOR UPDATE";
        let held = self.database.query(statement, &[&products]).await.unwrap();
        assert_eq!(held.len(), products.len());
    }

    /// Waits until this many sessions wait for [`hold`](Self::hold), and releases them all at once.
    pub async fn release(&self, waiting: i64) {
        // A session may wait for another one that waits. The statistics views are frozen within a
        // transaction; `pg_locks` is not.
        let statement = "WITH RECURSIVE waiting AS (
                 SELECT pg_backend_pid() AS pid
                 UNION
                 SELECT l.pid FROM pg_locks l
                 JOIN waiting w ON w.pid = ANY (pg_blocking_pids(l.pid))
                 WHERE NOT l.granted
             ) SELECT count(*) - 1 FROM waiting";
        eventually(&format!("{waiting} sessions wait"), async || {
            let seen: i64 = self.database.query_one(statement, &[]).await.unwrap().get(0);
            (seen >= waiting).then_some(())
        })
        .await;
        self.database.batch_execute("COMMIT").await.unwrap();
    }

    /// The statuses of an order so far, oldest first.
    pub async fn statuses_of(&self, order: Uuid) -> Vec<String> {
        let statement = "SELECT to_status FROM order_history WHERE order_id = $1 ORDER BY version";
        let rows = self.database.query(statement, &[&order]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}
