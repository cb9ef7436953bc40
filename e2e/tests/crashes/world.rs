//! Everything that an order passes through, behind proxies that can fail.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use e2e::{Stack, connect_to, engine_name, eventually, order_for, unique};
use serde_json::{Value, json};
use testkit::engine;
use testkit::fault::Endpoint;
use testkit::function::{Extensions, Function, get, post};
use testkit::proxy::{Holds, Proxy, authority};
use uuid::Uuid;

use crate::inbox::Inbox;

/// Longer than any test waits.
pub(crate) const FOREVER: Duration = Duration::from_hours(1);

/// The sender of mail, which the stack has verified.
const SENDER: &str = "orders@waybill.example";

/// The stock of the product: more than any test sells.
const STOCK: i64 = 10_000;

/// A database with a product, a queue, and a bus with a subscriber.
pub(crate) struct World {
    pub(crate) stack: Stack,
    /// The database without a proxy.
    pub(crate) database_url: String,
    direct_database_url: String,
    pub(crate) database: tokio_postgres::Client,
    pub(crate) postgres: Proxy,
    pub(crate) sqs: Endpoint,
    pub(crate) dynamodb: Endpoint,
    pub(crate) eventbridge: Endpoint,
    pub(crate) ses: Endpoint,
    pub(crate) product: Uuid,
    pub(crate) jobs: Inbox,
    pub(crate) events: Inbox,
    variables: HashMap<&'static str, String>,
    accepted: Mutex<BTreeSet<Uuid>>,
}

impl World {
    /// A world with a new database on the stack's server, behind a proxy.
    pub(crate) async fn new() -> Self {
        let stack = Stack::connect().await;
        let name = unique("crash").replace('-', "_");
        // The service owns its database.
        let owner = stack.database_owner().await;
        let sql = format!("CREATE DATABASE {name} OWNER {owner}");
        stack.database.batch_execute(&sql).await.unwrap();
        let named = |url: &str| url.replacen("/waybill?", &format!("/{name}?"), 1);
        let url = named(&stack.environment.database_url);
        let direct = named(&stack.environment.direct_database_url);
        let mut world = Box::pin(Self::on(&url, &direct)).await;
        world.variables.insert("DATABASE_URL", world.postgres.instead_of(&url));
        world
    }

    /// A world with this database, without a proxy. `direct` is the URL of the same for tests.
    pub(crate) async fn on(url: &str, direct: &str) -> Self {
        let stack = Stack::connect().await;
        let name = unique("crash");
        let jobs = Inbox::create(&stack, &name, "2").await;
        let events = Inbox::subscribe(&stack, &name).await;
        let target = &stack.environment.aws_endpoint_url;
        let sqs = Endpoint::to(target).await;
        let dynamodb = Endpoint::to(target).await;
        let eventbridge = Endpoint::to(target).await;
        let ses = Endpoint::to(target).await;
        let second = "1".to_owned();
        let variables = HashMap::from([
            ("DATABASE_URL", url.to_owned()),
            (engine::ENGINE, engine_name().to_owned()),
            ("DATABASE_CONNECT_TIMEOUT_SECONDS", second.clone()),
            ("FULFILLMENT_QUEUE_URL", jobs.url.clone()),
            ("PRODUCT_CACHE_TABLE", stack.environment.product_cache_table.clone()),
            ("EVENT_BUS_NAME", name),
            ("WAYBILL_WATCH_CALLER", "ada orders/read orders/write orders/staff".to_owned()),
            // One customer places all orders.
            ("OWNER_PENDING_LIMIT", "1000000".to_owned()),
            ("OWNER_ORDERS_PER_MINUTE", "1000000".to_owned()),
            ("JOB_GRACE_SECONDS", second.clone()),
            ("OUTBOX_LEASE_SECONDS", second.clone()),
            ("MAIL_LEASE_SECONDS", second.clone()),
            ("OUTBOX_RETRY_MIN_SECONDS", second.clone()),
            ("OUTBOX_RETRY_MAX_SECONDS", second),
            ("AWS_ENDPOINT_URL_SQS", sqs.url.clone()),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url.clone()),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", eventbridge.url.clone()),
            ("AWS_ENDPOINT_URL_SESV2", ses.url.clone()),
            ("MAIL_SENDER", SENDER.to_owned()),
            ("MAIL_RECIPIENT", "order".to_owned()),
            ("AWS_REGION", stack.environment.aws_region.clone()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ]);
        let world = Self {
            database: connect_to(&direct.parse().unwrap()).await,
            direct_database_url: direct.to_owned(),
            postgres: Proxy::to(authority(url)).await,
            database_url: url.to_owned(),
            product: Uuid::now_v7(),
            accepted: Mutex::default(),
            stack,
            sqs,
            dynamodb,
            eventbridge,
            ses,
            jobs,
            events,
            variables,
        };
        // Other tests create databases at the same time, so connecting may take a while.
        let patient = [("DATABASE_CONNECT_TIMEOUT_SECONDS", "10")];
        let mut migrate = world.start_on(Extensions::Known, "migrate", &patient).await;
        let migrated = migrate.invoke(json!({})).await;
        assert!(migrated["applied"].is_array(), "{migrated}");
        world
            .database
            .execute(
                "INSERT INTO products (id, name, currency, price_minor, stock, stocked)
                 VALUES ($1, 'Enamel mug', 'EUR', 1450, $2::bigint::integer, $2)",
                &[&world.product, &STOCK],
            )
            .await
            .unwrap();
        world
    }

    pub(crate) async fn start(&self, function: &str) -> Function {
        let function = self.spawn(function).await;
        function.ready().await;
        function
    }

    /// Starts a function on a platform of one kind, with more variables.
    pub(crate) async fn start_on(
        &self,
        extensions: Extensions,
        function: &str,
        more: &[(&str, &str)],
    ) -> Function {
        let variables = self.variables.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<_> = variables.chain(more.iter().copied()).collect();
        let function = Function::start(function, extensions, &variables).await;
        function.ready().await;
        function
    }

    /// Starts a function without waiting until it is ready.
    pub(crate) async fn spawn(&self, function: &str) -> Function {
        let variables: Vec<_> =
            self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Function::start(function, Extensions::Known, &variables).await
    }

    /// Sets the stock of the product.
    pub(crate) async fn leave(&self, pieces: i32) {
        let sql = "UPDATE products SET stocked = stocked - stock + $1::integer, stock = $1";
        self.database.execute(sql, &[&pieces]).await.unwrap();
    }

    /// Invokes a function, and loses the first answer of Postgres to it.
    pub(crate) async fn invoke_losing_an_answer(
        &self,
        function: &mut Function,
        event: Value,
    ) -> Value {
        self.postgres.hold(Holds::Answers);
        let lose = async {
            self.postgres.struck().await;
            self.postgres.release();
        };
        let (answer, ()) = tokio::join!(function.invoke(event), lose);
        assert!(self.postgres.strikes() > 0, "no answer was lost");
        answer
    }

    /// Another connection of the test to the database.
    pub(crate) async fn connect(&self) -> tokio_postgres::Client {
        connect_to(&self.direct_database_url.parse().unwrap()).await
    }

    /// Connects again, after the server was down.
    pub(crate) async fn reconnect(&mut self) {
        self.database = self.connect().await;
    }

    /// A request for one piece with an idempotency key.
    pub(crate) fn request(&self, key: &str) -> Value {
        post("/orders", key, &order_for(&[(self.product, 1)]))
    }

    /// Places an order, which must be answered with 201.
    pub(crate) async fn place(&self, create: &mut Function, request: Value) -> Value {
        let answer = create.invoke(request).await;
        assert!(self.accept(&answer), "{answer}");
        answer
    }

    /// The same, and waits until the environment is frozen: its job is sent or left to the relay.
    pub(crate) async fn place_and_send(&self, create: &mut Function, request: Value) -> Value {
        let answer = self.place(create, request).await;
        create.freezes().await;
        answer
    }

    /// Whether this answer is 201, and its order must not be lost from now on. The only other answer
    /// allowed is 503.
    pub(crate) fn accept(&self, answer: &Value) -> bool {
        if answer["statusCode"] == 503 {
            return false;
        }
        assert_eq!(answer["statusCode"], 201, "{answer}");
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let id = body["id"].as_str().unwrap().parse().unwrap();
        self.accepted.lock().unwrap().insert(id);
        true
    }

    /// Reads the product, which must be answered with 200.
    pub(crate) async fn read_product(&self, function: &mut Function) {
        let id = json!({ "id": self.product });
        let answer = function.invoke(get(&format!("/products/{}", self.product), &id)).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
        assert!(answer["body"].as_str().unwrap().contains("Enamel mug"), "{answer}");
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.database.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn orders(&self) -> i64 {
        self.count("SELECT count(*) FROM orders").await
    }

    /// Waits until at least this many rows of the outbox that meet `condition` are due.
    pub(crate) async fn due(&self, rows: i64, condition: &str) {
        let sql = "SELECT count(*) FROM outbox WHERE available_at <= now()
                   AND (leased_until IS NULL OR leased_until <= now())";
        let sql = format!("{sql} AND {condition}");
        let what = format!("{rows} rows are due, {condition}");
        let due = async || (self.count(&sql).await >= rows).then_some(());
        eventually(&what, due).await;
    }

    /// Invokes relay-outbox and fulfill-order until the outbox and the queue are empty.
    pub(crate) async fn recover(&self) {
        let mut relay = self.start("relay-outbox").await;
        let mut fulfill = self.start("fulfill-order").await;
        eventually("the outbox and the queue are empty", async || {
            while self.deliver(&mut fulfill).await > 0 {}
            relay.invoke(json!({})).await;
            let kept = self.count("SELECT count(*) FROM outbox").await;
            (kept == 0 && self.jobs.is_empty().await).then_some(())
        })
        .await;
    }

    /// Delivers a batch to fulfill-order, which must report no failure, and deletes its messages.
    pub(crate) async fn deliver(&self, fulfill: &mut Function) -> usize {
        let Some((event, handles)) = self.receive().await else { return 0 };
        let answer = fulfill.invoke(event).await;
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
        for handle in &handles {
            self.jobs.delete(handle).await;
        }
        handles.len()
    }

    /// Receives a batch as an event of the event source, with the receipt handles of its messages.
    pub(crate) async fn receive(&self) -> Option<(Value, Vec<String>)> {
        let messages = self.jobs.receive().await;
        let records: Vec<_> = messages
            .iter()
            .map(|message| json!({ "messageId": message.message_id(), "body": message.body() }))
            .collect();
        let handles: Vec<_> =
            messages.iter().map(|message| message.receipt_handle().unwrap().to_owned()).collect();
        (!records.is_empty()).then(|| (json!({ "Records": records }), handles))
    }

    /// Asserts that there are this many orders, including every accepted one; that each was confirmed
    /// once and its events were published; and that the stock adds up.
    pub(crate) async fn assert_whole(&self, orders: i64) {
        assert_eq!(self.orders().await, orders);
        let accepted: Vec<_> = self.accepted.lock().unwrap().iter().copied().collect();
        let once = "SELECT o.id FROM orders o JOIN order_history h ON h.order_id = o.id
                    WHERE o.status = 'confirmed' GROUP BY o.id
                    HAVING count(*) FILTER (WHERE h.to_status = 'confirmed') = 1";
        let once = self.database.query(once, &[]).await.unwrap();
        let once: BTreeSet<Uuid> = once.iter().map(|row| row.get(0)).collect();
        assert_eq!(i64::try_from(once.len()).unwrap(), orders, "confirmed exactly once");
        let lost = accepted.iter().filter(|id| !once.contains(id)).count();
        assert_eq!(lost, 0, "lost of {} accepted orders", accepted.len());
        let sold = "SELECT coalesce(sum(quantity), 0) FROM order_items";
        assert_eq!(self.count(sold).await, orders, "each order is for one piece");
        let left = "SELECT stock::bigint FROM products";
        assert_eq!(self.count(left).await, STOCK - orders, "nothing is sold twice");
        assert_eq!(self.count("SELECT count(*) FROM outbox").await, 0);
        eventually("a subscriber has seen every event", async || {
            while !self.events.receive().await.is_empty() {}
            let published = |id: &Uuid| {
                ["OrderPlaced", "OrderConfirmed"].iter().all(|kind| self.events.has_seen(kind, *id))
            };
            once.iter().all(published).then_some(())
        })
        .await;
        eprintln!(
            "{orders} orders, {} of them accepted, each confirmed once; \
             {} of {} jobs and {} of {} events were sent more than once",
            accepted.len(),
            self.jobs.sent_twice(),
            self.jobs.seen(),
            self.events.sent_twice(),
            self.events.seen(),
        );
    }
}
