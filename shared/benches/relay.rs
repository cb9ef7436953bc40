//! How fast a relay empties an outbox with a backlog, against SQS and EventBridge that answer at once,
//! or after five milliseconds.
//!
//! On one thread, as a function runs; Postgres and the two services have the rest of the machine.
//! `make bench` starts a Postgres for it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints what it finds, and fails by panicking"
)]

#[path = "database/mod.rs"]
mod database;

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use serde_json::json;
use tokio::time::Instant;
use tokio_postgres::Client;
use uuid::Uuid;
use waybill::app::{Backoff, Relayed, relay_outbox};
use waybill::config::DatabaseConfig;
use waybill::events::{self, EventBus};
use waybill::postgres::{CLAIM_OUTBOX, Database, SETTLE_OUTBOX};
use waybill::queue::{self, FulfillmentQueue};

/// How many messages wait.
const BACKLOG: i64 = 100_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    println!("A relay with a backlog of {BACKLOG} messages.\n");
    println!("| kind | an answer takes | messages a minute |");
    println!("|---|---:|---:|");
    for late in [Duration::ZERO, Duration::from_millis(5)] {
        for (what, kind) in [("events", "OrderPlaced"), ("jobs", "fulfillment_job")] {
            let (config, sql) = shop().await;
            fill(&sql, kind).await;
            let rate = Box::pin(relay(&config, late)).await;
            println!("| {what} | {} ms | {rate:.0} |", late.as_millis());
        }
    }
}

/// Relays the whole backlog, and says how many messages a minute that were.
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
async fn relay(config: &DatabaseConfig, late: Duration) -> f64 {
    let database = Database::connect(config, &[CLAIM_OUTBOX, SETTLE_OUTBOX]).await.unwrap();
    let endpoint = testkit::aws::take_everything(late);
    let url = format!("{endpoint}/000000000000/jobs");
    let aws = aws(&endpoint).await;
    let queue = FulfillmentQueue::new(aws_sdk_sqs::Client::from_conf(queue::settings(&aws)), url);
    let bus = aws_sdk_eventbridge::Client::from_conf(events::settings(&aws));
    let bus = EventBus::new(bus, "shop".to_owned());
    let backoff = Backoff { min: Duration::from_mins(1), max: Duration::from_mins(1) };
    let started = Instant::now();
    let until = started + Duration::from_mins(10);
    let relayed = Box::pin(relay_outbox(&database, &queue, &bus, backoff, until)).await.unwrap();
    let Relayed { jobs, events, failed } = relayed;
    assert_eq!((jobs + events, failed), (usize::try_from(BACKLOG).unwrap(), 0));
    BACKLOG as f64 / started.elapsed().as_secs_f64() * 60.0
}

/// A database of its own, with an order that everything is about.
async fn shop() -> (DatabaseConfig, Client) {
    let (config, sql) = database::open().await;
    let order = "INSERT INTO orders (id, number, owner, status, customer_name, customer_email,
                                     currency, total_minor, item_count, created_at, updated_at)
                 VALUES (gen_random_uuid(), 'ORD-20260101-00000001', 'ada', 'pending', 'Ada',
                         'ada@example.com', 'EUR', 100, 1, now(), now())";
    sql.batch_execute(order).await.unwrap();
    (config, sql)
}

/// Messages as long as those of an order of three lines.
async fn fill(sql: &Client, kind: &str) {
    let items: Vec<_> = (0..3)
        .map(|_| {
            json!({
                "product_id": Uuid::now_v7(), "name": "Enamel mug, 35 cl", "quantity": 2,
                "unit_price_minor": 1450,
            })
        })
        .collect();
    let payload = json!({
        "v": 1, "order_id": Uuid::now_v7(), "number": "ORD-20260221-6BA0A415",
        "at": "2026-02-21T12:00:00.000000Z", "customer_name": "Ada Lovelace",
        "customer_email": "ada@example.com", "currency": "EUR", "total_minor": 8700,
        "items": items, "correlation_id": "0197a4f0-0000-7000-8000-000000000000",
    });
    let rows = "INSERT INTO outbox (id, order_id, kind, payload, correlation_id)
                SELECT gen_random_uuid(), o.id, $1, $2, 'abc'
                FROM orders o, generate_series(1, $3::bigint)";
    sql.execute(rows, &[&kind, &payload, &BACKLOG]).await.unwrap();
    sql.batch_execute("VACUUM ANALYZE outbox").await.unwrap();
}

async fn aws(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region("eu-central-1")
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}
