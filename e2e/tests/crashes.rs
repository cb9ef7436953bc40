//! Processes that are killed, and servers that go away, at the worst moments.
//!
//! The deployed binaries run here as processes of their own, on a database and a queue of their own;
//! the test stands in for the platform, and for a client that repeats its request until it is
//! answered. Each test asserts that its fault really struck.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what goes wrong in here is a test that fails"
)]

use aws_sdk_sqs::types::MessageSystemAttributeName;
use e2e::function::{Extensions, Function, post, server};
use e2e::gate::{Gate, Holds};
use e2e::{Stack, connect_to, order_for, unique};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a seller has.
const STOCK: i32 = 100;

/// A database and a queue, each behind a gate, and a product to order.
struct World {
    stack: Stack,
    database: tokio_postgres::Client,
    postgres: Gate,
    aws: Gate,
    variables: Vec<(&'static str, String)>,
    queue: String,
    product: Uuid,
}

impl World {
    async fn new() -> Self {
        let stack = Stack::connect().await;
        let url = &stack.environment.database_url;
        let name = unique("crash").replace('-', "_");
        stack.database.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = url.replacen("/waybill?", &format!("/{name}?"), 1);
        let postgres = Gate::to(server(&url)).await;
        let endpoint = stack.environment.aws_endpoint_url.trim_start_matches("http://");
        let aws = Gate::to(endpoint).await;
        let created = stack.sqs.create_queue().queue_name(&name);
        let created = created.attributes("VisibilityTimeout".into(), "2");
        let queue = created.send().await.unwrap().queue_url.unwrap();
        let variables = vec![
            ("DATABASE_URL", url.replace(server(&url), &postgres.address.to_string())),
            ("DATABASE_CONNECT_TIMEOUT_SECONDS", "1".to_owned()),
            ("FULFILLMENT_QUEUE_URL", queue.clone()),
            ("PRODUCT_CACHE_TABLE", stack.environment.product_cache_table.clone()),
            ("EVENT_BUS_NAME", "default".to_owned()),
            ("JOB_GRACE_SECONDS", "1".to_owned()),
            ("OUTBOX_LEASE_SECONDS", "1".to_owned()),
            ("OUTBOX_RETRY_MIN_SECONDS", "1".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{}", aws.address)),
            ("AWS_REGION", stack.environment.aws_region.clone()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ];
        let database = connect_to(&url.parse().unwrap()).await;
        let world =
            Self { stack, database, postgres, aws, variables, queue, product: Uuid::now_v7() };
        world.start("migrate").await.invoke(json!({})).await;
        world
            .database
            .execute(
                "INSERT INTO products (id, name, currency, price_minor, stock, stocked)
                 VALUES ($1, 'Enamel mug', 'EUR', 1450, $2, $2::integer)",
                &[&world.product, &STOCK],
            )
            .await
            .unwrap();
        world
    }

    async fn start(&self, function: &str) -> Function {
        let variables: Vec<_> =
            self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let function = Function::start(function, Extensions::Known, &variables).await;
        function.ready().await;
        function
    }

    fn request(&self, key: &str) -> Value {
        post("/orders", key, &order_for(&[(self.product, 1)]))
    }

    async fn count(&self, sql: &str) -> i64 {
        self.database.query_one(sql, &[]).await.unwrap().get(0)
    }

    async fn orders(&self) -> i64 {
        self.count("SELECT count(*) FROM orders").await
    }

    /// Plays the schedule and the event source until nothing waits any more, and answers with how
    /// many jobs were delivered.
    async fn recover(&self) -> usize {
        let mut relay = self.start("relay-outbox").await;
        let mut fulfill = self.start("fulfill-order").await;
        let mut delivered = 0;
        for _ in 0..60 {
            relay.invoke(json!({})).await;
            delivered += self.deliver(&mut fulfill).await;
            if self.count("SELECT count(*) FROM outbox").await == 0 {
                return delivered;
            }
        }
        panic!("{} rows wait in the outbox", self.count("SELECT count(*) FROM outbox").await);
    }

    /// Receives a batch, and deletes from it what the function did not report.
    async fn deliver(&self, fulfill: &mut Function) -> usize {
        let Some((event, handles)) = self.receive().await else { return 0 };
        let answer = fulfill.invoke(event).await;
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
        for handle in &handles {
            let delete = self.stack.sqs.delete_message().queue_url(&self.queue);
            delete.receipt_handle(handle).send().await.unwrap();
        }
        handles.len()
    }

    async fn receive(&self) -> Option<(Value, Vec<String>)> {
        let call = self.stack.sqs.receive_message().queue_url(&self.queue);
        let call = call.max_number_of_messages(10).wait_time_seconds(1);
        let call = call.message_system_attribute_names(MessageSystemAttributeName::All);
        let received = call.send().await.unwrap();
        let messages = received.messages();
        let records: Vec<_> = messages
            .iter()
            .map(|message| json!({ "messageId": message.message_id(), "body": message.body() }))
            .collect();
        let handles: Vec<_> =
            messages.iter().map(|message| message.receipt_handle().unwrap().to_owned()).collect();
        (!records.is_empty()).then(|| (json!({ "Records": records }), handles))
    }

    /// Every order was confirmed exactly once, and the stock is what they left.
    async fn assert_whole(&self, orders: i64) {
        assert_eq!(self.orders().await, orders);
        let confirmed = "SELECT count(*) FROM order_history WHERE to_status = 'confirmed'";
        assert_eq!(self.count(confirmed).await, orders);
        let left = "SELECT stock::bigint FROM products";
        assert_eq!(self.count(left).await, i64::from(STOCK) - orders);
    }
}

fn id(answer: &Value) -> Value {
    assert_eq!(answer["statusCode"], 201, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    body["id"].clone()
}

#[tokio::test]
async fn create_order_killed_before_its_statement_has_stored_nothing_and_is_repeated() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    id(&create.invoke(world.request("first")).await);
    world.postgres.hold(Holds::Requests);
    create.give(world.request("a")).await;
    world.postgres.struck().await;
    create.kill().await;
    world.postgres.hold(Holds::Nothing);
    assert_eq!(world.orders().await, 1);

    let mut again = world.start("create-order").await;
    id(&again.invoke(world.request("a")).await);
    world.recover().await;
    world.assert_whole(2).await;
}

#[tokio::test]
async fn create_order_killed_between_statement_and_send_is_fulfilled_by_the_relay() {
    let world = World::new().await;
    let create = world.start("create-order").await;
    world.aws.hold(Holds::Requests);
    create.give(world.request("a")).await;
    world.aws.struck().await;
    create.kill().await;
    assert_eq!(world.orders().await, 1);
    world.aws.hold(Holds::Nothing);
    assert!(world.receive().await.is_none(), "the job was sent after all");

    let mut again = world.start("create-order").await;
    let answer = again.invoke(world.request("a")).await;
    id(&answer);
    assert_eq!(answer["headers"]["idempotent-replayed"], "true", "{answer}");
    assert_eq!(world.recover().await, 1);
    world.assert_whole(1).await;
}

#[tokio::test]
async fn create_order_killed_between_send_and_answer_is_answered_when_repeated() {
    let world = World::new().await;
    let create = world.start("create-order").await;
    world.aws.hold(Holds::Answers);
    create.give(world.request("a")).await;
    world.aws.struck().await;
    create.kill().await;
    assert_eq!(world.orders().await, 1);
    world.aws.hold(Holds::Nothing);

    let mut again = world.start("create-order").await;
    id(&again.invoke(world.request("a")).await);
    world.recover().await;
    world.assert_whole(1).await;
}

#[tokio::test]
async fn fulfill_order_killed_between_commit_and_acknowledgement_confirms_once() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    for key in ["a", "b", "c"] {
        id(&create.invoke(world.request(key)).await);
    }
    let (event, handles) = world.receive().await.unwrap();
    let fulfill = world.start("fulfill-order").await;
    world.postgres.hold(Holds::Answers);
    fulfill.give(event).await;
    world.postgres.struck().await;
    let confirmed = "SELECT count(*) FROM orders WHERE status = 'confirmed'";
    let before = world.count(confirmed).await;
    fulfill.kill().await;
    world.postgres.hold(Holds::Nothing);
    assert_eq!(before, i64::try_from(handles.len()).unwrap(), "it had not committed");

    // Nobody deleted the messages, and so they come again.
    let delivered = world.recover().await;
    eprintln!(
        "{before} jobs were confirmed and not acknowledged, {delivered} delivered after that"
    );
    world.assert_whole(3).await;
}

#[tokio::test]
async fn orders_that_were_accepted_while_sqs_was_down_are_fulfilled_when_it_is_back() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    world.aws.hold(Holds::Everything);
    for key in ["a", "b", "c"] {
        id(&create.invoke(world.request(key)).await);
    }
    assert!(world.aws.count() > 0);
    world.aws.hold(Holds::Nothing);
    assert!(world.receive().await.is_none());
    assert!(world.recover().await >= 3);
    world.assert_whole(3).await;
}

#[tokio::test]
async fn postgres_going_away_under_load_loses_no_order_that_was_answered() {
    let world = World::new().await;
    let mut create = world.start("create-order").await;
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..60 {
        match number {
            20 => world.postgres.hold(Holds::Everything),
            // Each of those meanwhile has waited for two seconds.
            23 => world.postgres.hold(Holds::Nothing),
            _ => {}
        }
        let key = format!("key-{}", number % 50);
        // A client that repeats what was not answered with an order.
        let answer = create.invoke(world.request(&key)).await;
        match answer["statusCode"].as_u64().unwrap() {
            201 => accepted += 1,
            503 => refused += 1,
            other => panic!("{other}: {answer}"),
        }
    }
    eprintln!("{accepted} answered with an order, {refused} with 503");
    assert!(refused > 0);
    for number in 0..50 {
        id(&create.invoke(world.request(&format!("key-{number}"))).await);
    }
    world.recover().await;
    world.assert_whole(50).await;
}
