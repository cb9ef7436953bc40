//! A fresh database, table and queue for each test, and functions to fill them.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use testkit::engine;
use testkit::sdk::Queue;
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;
use uuid::Uuid;
use waybill::app::Context;
use waybill::cache::{self, DynamoDbCache};
use waybill::config::{DatabaseConfig, DatabaseEngine, OwnerLimits, Timing};
use waybill::domain::{
    Caller, CorrelationId, CustomerEmail, CustomerName, NewOrder, OrderQuery, Owner, PageSize,
    ProductId, ProductQuery, Quantity, Scope, Version,
};
use waybill::events::{self, EventBus};
use waybill::mail::{self, Ses};
use waybill::postgres::reconcile::{Books, reconcile};
use waybill::postgres::{
    CHANGE_STATUS, CLAIM_NOTIFICATIONS, CLAIM_OUTBOX, CONFIRM_ORDERS, Database, FORGET_OLD_KEYS,
    GET_ORDER, GET_PRODUCT, GET_STATUSES, LIST_ALL_ORDERS, LIST_ALL_ORDERS_IN_STATUS,
    LIST_ORDERS_BY_EMAIL, LIST_ORDERS_BY_EMAIL_FILTERED, LIST_ORDERS_BY_NUMBER, LIST_OWN_ORDERS,
    LIST_OWN_ORDERS_IN_STATUS, LIST_PRODUCTS, PLACE_ORDER, PUT_PRODUCT, REFUSE_ORDERS,
    SETTLE_NOTIFICATION, SETTLE_OUTBOX, migrations,
};
use waybill::queue::{self, FulfillmentQueue};

/// All statements of the service that it prepares at the start.
pub(crate) const STATEMENTS: &[&str] = &[
    PLACE_ORDER,
    GET_ORDER,
    LIST_ALL_ORDERS,
    LIST_ALL_ORDERS_IN_STATUS,
    LIST_OWN_ORDERS,
    LIST_OWN_ORDERS_IN_STATUS,
    LIST_ORDERS_BY_EMAIL,
    LIST_ORDERS_BY_EMAIL_FILTERED,
    LIST_ORDERS_BY_NUMBER,
    CONFIRM_ORDERS,
    GET_STATUSES,
    REFUSE_ORDERS,
    CHANGE_STATUS,
    GET_PRODUCT,
    PUT_PRODUCT,
    LIST_PRODUCTS,
    CLAIM_OUTBOX,
    SETTLE_OUTBOX,
    FORGET_OLD_KEYS,
    CLAIM_NOTIFICATIONS,
    SETTLE_NOTIFICATION,
];

/// Why a test is left out on the stand-in: it reads plans and counts pages.
pub(crate) const PLANS: &str = "plans are Postgres's own";

/// The role that the stand-in's proxy connects as.
const BEHIND_THE_PROXY: &str = "postgres";

/// A database with the schema.
pub(crate) struct TestDatabase {
    /// Its URL, for the service.
    pub(crate) url: String,
    /// Its URL without the stand-in's proxy, which ends any transaction when the schema of another
    /// test's database changes.
    pub(crate) direct_url: String,
    /// A connection for checks: to the Postgres behind the stand-in, if there is one.
    pub(crate) sql: tokio_postgres::Client,
    /// What all connect to where one process stands for all of them.
    process: OnceCell<Arc<Database>>,
}

impl TestDatabase {
    /// A new, empty database without the schema.
    pub(crate) async fn empty() -> Self {
        let server = variable("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names no Postgres server; `make test` starts one");
        let name = format!("test_{}", Uuid::new_v4().simple());
        let direct = in_database(&server, &name);
        let server = connect(&server).await;
        server.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let sql = connect(&direct).await;
        let url = if engine::is_stand_in() {
            let owner = format!("ALTER DATABASE {name} OWNER TO {BEHIND_THE_PROXY}");
            server.batch_execute(&owner).await.unwrap();
            // What a test creates there is the superuser's.
            let share = ["TABLES", "SEQUENCES"].map(|kind| {
                format!("ALTER DEFAULT PRIVILEGES GRANT ALL ON {kind} TO {BEHIND_THE_PROXY}")
            });
            sql.batch_execute(&share.join("; ")).await.unwrap();
            let proxy = variable("DATABASE_URL").expect("DATABASE_URL names no stand-in");
            in_database(&proxy, &name)
        } else {
            direct.clone()
        };
        Self { sql, url, direct_url: direct, process: OnceCell::new() }
    }

    /// A new database with the schema.
    pub(crate) async fn new() -> Self {
        let database = Self::empty().await;
        migrations::migrate(&database.config()).await.unwrap();
        database
    }

    pub(crate) fn config(&self) -> DatabaseConfig {
        config(self.url.clone())
    }

    /// The adapter, as a process connects it. Under `TEST_CONNECTIONS`, all are the same process, which
    /// has so many connections, as one has that handles several invocations at once.
    pub(crate) async fn connect(&self) -> Arc<Database> {
        let connect = async |connections| {
            let config = DatabaseConfig { connections, ..self.config() };
            Arc::new(Database::connect(&config, STATEMENTS).await.unwrap())
        };
        match connections() {
            usize::MAX => connect(1).await,
            several => Arc::clone(self.process.get_or_init(|| connect(several)).await),
        }
    }

    /// Inserts a product.
    pub(crate) async fn product(&self, currency: &str, price_minor: i64, stock: i32) -> ProductId {
        let id = Uuid::now_v7();
        self.sql
            .execute(
                "INSERT INTO products (id, name, currency, price_minor, stock, stocked)
                 VALUES ($1, 'Enamel mug', $2, $3, $4, $4::integer)",
                &[&id, &currency, &price_minor, &stock],
            )
            .await
            .unwrap();
        ProductId::from(id)
    }

    /// Inserts a product whose stock is in so many buckets, as a PUT spreads it.
    pub(crate) async fn bucketed_product(
        &self,
        (currency, price_minor): (&str, i64),
        stock: i32,
        buckets: i32,
    ) -> ProductId {
        let id = self.product(currency, price_minor, stock).await;
        if buckets > 1 {
            let sql = "
                WITH p AS (
                    UPDATE products SET stock_buckets = $2, stock = 0 WHERE id = $1 RETURNING version
                )
                INSERT INTO stock_buckets (product_id, bucket, stock, version)
                SELECT $1, n, $3::integer / $2 + CASE WHEN n <= $3 % $2 THEN 1 ELSE 0 END, version
                FROM p, generate_series(1, $2) n";
            self.sql.execute(sql, &[&id.as_uuid(), &buckets, &stock]).await.unwrap();
        }
        id
    }

    /// The stock of a product: its own and that of its buckets.
    pub(crate) async fn stock(&self, id: ProductId) -> i32 {
        let sql = "SELECT (stock + coalesce((
                       SELECT sum(b.stock) FROM stock_buckets b WHERE b.product_id = p.id
                   ), 0))::integer
                   FROM products p WHERE id = $1";
        self.sql.query_one(sql, &[&id.as_uuid()]).await.unwrap().get(0)
    }

    /// The stock in each bucket of a product.
    pub(crate) async fn buckets(&self, id: ProductId) -> Vec<i32> {
        let sql = "SELECT stock FROM stock_buckets WHERE product_id = $1 ORDER BY bucket";
        let rows = self.sql.query(sql, &[&id.as_uuid()]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Begins a transaction with these statements, as another session.
    pub(crate) async fn begin(&self, statements: &str) {
        self.sql.batch_execute(&format!("BEGIN; {statements}")).await.unwrap();
    }

    /// Commits it as soon as another session waits for it.
    pub(crate) async fn commit_once_somebody_waits(&self) {
        let waits = "SELECT FROM pg_locks l
                     WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))";
        for _ in 0..1000 {
            if !self.sql.query(waits, &[]).await.unwrap().is_empty() {
                return self.sql.batch_execute("COMMIT").await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody waits");
    }

    /// Whether the books balance.
    pub(crate) async fn books(&self) -> Books {
        reconcile(&self.config()).await.unwrap()
    }

    /// The number of rows in each table of orders.
    pub(crate) async fn rows(&self) -> [i64; 3] {
        let sql = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_items),
                          (SELECT count(*) FROM order_history)";
        let row = self.sql.query_one(sql, &[]).await.unwrap();
        [row.get(0), row.get(1), row.get(2)]
    }
}

/// Connects to the database at `url`. With fifty tests starting at once it takes a while.
pub(crate) fn config(url: String) -> DatabaseConfig {
    DatabaseConfig {
        url,
        engine: if engine::is_stand_in() { DatabaseEngine::Dsql } else { DatabaseEngine::Postgres },
        keys: None,
        connect_timeout: Duration::from_secs(30),
        connections: 1,
        timing: Timing::default(),
        owner_limits: OwnerLimits::NONE,
    }
}

/// How many connections all clients of a test have together.
pub(crate) fn connections() -> usize {
    variable("TEST_CONNECTIONS").map_or(usize::MAX, |connections| connections.parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the tests read their environment here only")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The URL of another database of the same server.
fn in_database(url: &str, name: &str) -> String {
    let (before, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (base, _) = before.rsplit_once('/').unwrap();
    format!("{base}/{name}?{parameters}")
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// An order for `lines`.
pub(crate) fn order(lines: &[(ProductId, i64)]) -> NewOrder {
    let lines: Vec<_> =
        lines.iter().map(|&(id, pieces)| (id, Quantity::parse(pieces).unwrap())).collect();
    NewOrder::new(
        CustomerName::parse("Ada Lovelace").unwrap(),
        CustomerEmail::parse("ada@example.com").unwrap(),
        &lines,
    )
    .unwrap()
}

/// A page of this size.
pub(crate) fn version(number: i64) -> Version {
    Version::new(number).unwrap()
}

pub(crate) fn page_of(limit: u8) -> PageSize {
    PageSize::parse(&limit.to_string()).unwrap()
}

/// The first page of the orders.
pub(crate) fn first_orders(limit: u8) -> OrderQuery {
    OrderQuery { limit: page_of(limit), ..OrderQuery::default() }
}

/// The first page of the products.
pub(crate) fn first_products(limit: u8) -> ProductQuery {
    ProductQuery { limit: page_of(limit), ..ProductQuery::default() }
}

/// A caller.
pub(crate) fn caller(subject: &str, scopes: &[Scope]) -> Caller {
    Caller::new(Owner::parse(subject).unwrap(), scopes.iter().copied())
}

/// The context of a customer's request, with a new correlation id.
pub(crate) fn context() -> Context {
    Context {
        caller: caller("ada", &[Scope::Read, Scope::Write]),
        correlation_id: CorrelationId::generate(),
        traceparent: None,
    }
}

/// The queue at `url`, with the client of the functions.
pub(crate) fn fulfillment_queue(config: &SdkConfig, url: String) -> FulfillmentQueue {
    FulfillmentQueue::new(aws_sdk_sqs::Client::from_conf(queue::settings(config)), url)
}

/// The bus `name`, with the client of the functions.
pub(crate) fn event_bus(config: &SdkConfig, name: String) -> EventBus {
    EventBus::new(aws_sdk_eventbridge::Client::from_conf(events::settings(config)), name)
}

/// The product cache in `table`, with the client of the functions.
pub(crate) fn product_cache(config: &SdkConfig, table: String) -> DynamoDbCache {
    DynamoDbCache::connect(aws_sdk_dynamodb::Client::from_conf(cache::settings(config)), table)
}

/// SES, with the client of the functions.
pub(crate) fn ses_client(config: &SdkConfig, sender: String) -> Ses {
    Ses::new(aws_sdk_sesv2::Client::from_conf(mail::settings(config)), sender)
}

/// The emulator, as the environment names it.
pub(crate) async fn aws() -> SdkConfig {
    let config = testkit::sdk::config().await;
    assert!(
        config.endpoint_url().is_some(),
        "AWS_ENDPOINT_URL names no emulator; `make test` starts one"
    );
    config
}

/// The emulator behind another endpoint.
pub(crate) async fn aws_at(endpoint: &str) -> SdkConfig {
    testkit::sdk::at(endpoint, &aws().await)
}

/// A new table with the key of the product cache.
pub(crate) async fn cache_table(config: &SdkConfig) -> String {
    let name = format!("cache-{}", Uuid::new_v4());
    testkit::sdk::create_table(&aws_sdk_dynamodb::Client::new(config), &name).await;
    name
}

/// The URL of a new queue.
pub(crate) async fn queue(config: &SdkConfig) -> String {
    let name = format!("jobs-{}", Uuid::new_v4());
    Queue::create(&aws_sdk_sqs::Client::new(config), &name, &[]).await.url
}
