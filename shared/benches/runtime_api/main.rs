//! Functions through the Runtime API: each as a process of its own, compiled as it is deployed, behind
//! a stand-in for the Lambda platform, beside a function that does nothing.
//!
//! `make bench` compiles them, starts a Postgres, and says where both are.
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints what it finds, and fails by panicking"
)]

#[path = "../database/mod.rs"]
mod database;
#[path = "../shop/mod.rs"]
mod shop;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::function::{Extensions, Function, get};
use tokio::process::Command;
use uuid::Uuid;
use waybill::app::{PlaceOrders, Placement};
use waybill::domain::OrderId;
use waybill::postgres::{Database, PLACE_ORDER};

use crate::shop::Shop;

/// How often each function has its turn; the median of the turns counts.
const TURNS: usize = 5;

/// How many requests one turn has, after some that don't count.
const REQUESTS: usize = 1_000;
const WARM_UP: usize = 100;

/// How long after an answer the next request comes. Asked without a pause, a function has all of its code
/// and data in the processor's caches, which none has in use.
const PAUSE: Duration = Duration::from_millis(2);

/// How often each program is started.
const STARTS: usize = 20;

/// How many jobs a batch has.
const BATCH: u64 = 10;

#[tokio::main]
async fn main() {
    let shop = Shop::open(10_000).await;
    let stubs = [Duration::ZERO, Duration::from_millis(5)].map(testkit::aws::take_everything);
    let programs = PathBuf::from(database::variable("PROGRAMS"));
    let bench = Bench { shop, stubs, programs };
    bench.requests().await;
    bench.starts().await;
}

struct Bench {
    shop: Shop,
    /// AWS that answers at once, and AWS that answers after 5 ms.
    stubs: [String; 2],
    programs: PathBuf,
}

/// What a function is asked, again and again.
#[derive(Clone, Copy)]
struct Work {
    name: &'static str,
    function: &'static str,
    stub: usize,
    /// Whether every request writes its spans (`TRACE_SAMPLE_RATE`).
    traced: bool,
}

impl Work {
    /// Without traces, and with AWS that answers at once.
    const fn plain(name: &'static str, function: &'static str) -> Self {
        Self { name, function, stub: 0, traced: false }
    }
}

const EMPTY: Work = Work::plain("empty handler", "examples/empty_function");
const CREATE: Work = Work::plain("create, AWS at 0 ms", "create-order");
const SLOW_CREATE: Work = Work { name: "create, AWS at 5 ms", stub: 1, ..CREATE };
const WORK: [Work; 7] = [
    EMPTY,
    CREATE,
    SLOW_CREATE,
    Work { name: "create, AWS at 0 ms, traced", traced: true, ..CREATE },
    Work::plain("get", "get-order"),
    Work::plain("list, 20 orders", "list-orders"),
    Work::plain("fulfill, batch of 10", "fulfill-order"),
];

/// What one turn of a function came to.
#[derive(Clone, Copy)]
struct Turn {
    /// Microseconds of processor time for one request.
    processor: f64,
    /// Milliseconds from the event to the answer.
    median: f64,
    p99: f64,
    /// Megabytes of resident memory at the end.
    memory: f64,
}

impl Bench {
    async fn requests(&self) {
        let mut turns = [const { Vec::new() }; WORK.len()];
        let mut alone = Vec::new();
        for _ in 0..TURNS {
            for (work, turns) in WORK.into_iter().zip(&mut turns) {
                turns.push(self.turn(work).await);
            }
            alone.push(self.statement_alone().await);
        }
        let turns = turns.map(|turns| {
            let of = |part: fn(&Turn) -> f64| median(turns.iter().map(part).collect());
            let (processor, median) = (of(|turn| turn.processor), of(|turn| turn.median));
            Turn { processor, median, p99: of(|turn| turn.p99), memory: of(|turn| turn.memory) }
        });
        let alone = median(alone);
        println!("Requests through the Runtime API, the median of {TURNS} turns of {REQUESTS}.\n");
        println!(
            "| request | processor (µs) | of the empty handler | wait p50 (ms) | p99 (ms) | memory (MB) |"
        );
        println!("|---|---:|---:|---:|---:|---:|");
        for (work, turn) in WORK.iter().zip(&turns) {
            println!(
                "| {} | {:.0} | {:.1} | {:.2} | {:.2} | {:.1} |",
                work.name,
                turn.processor,
                turn.processor / turns[0].processor,
                turn.median,
                turn.p99,
                turn.memory
            );
        }
        println!("| create's statement alone | | | {alone:.2} | | |");
        println!(
            "\nWhat a client of create waits for beyond the statement, AWS at 5 ms: {:.2} ms\n",
            turns[2].median - alone
        );
    }

    async fn turn(&self, work: Work) -> Turn {
        let mut function = self.start(work).await;
        function.ready().await;
        for event in self.events(work, WARM_UP).await {
            good(&function.invoke(event).await);
        }
        let events = self.events(work, REQUESTS).await;
        let before = processor_time(function.id());
        let mut waits = Vec::with_capacity(REQUESTS);
        for event in events {
            tokio::time::sleep(PAUSE).await;
            let (answer, took) = function.invoke_timed(event).await;
            good(&answer);
            waits.push(took.as_secs_f64() * 1e3);
        }
        function.freezes().await;
        let processor = processor_time(function.id()).saturating_sub(before).as_secs_f64() * 1e6;
        let memory = memory(function.id());
        function.terminate();
        let lines = function.end().await.lines;
        assert_eq!(lines.iter().any(|line| line["resourceSpans"].is_array()), work.traced);
        waits.sort_by(f64::total_cmp);
        Turn {
            processor: processor / count(REQUESTS),
            median: waits[REQUESTS / 2],
            p99: waits[REQUESTS * 99 / 100],
            memory,
        }
    }

    async fn start(&self, work: Work) -> Function {
        let endpoint = &self.stubs[work.stub];
        let queue = format!("{endpoint}/000000000000/jobs");
        let variables = [
            ("DATABASE_URL", self.shop.config.url.as_str()),
            ("FULFILLMENT_QUEUE_URL", &queue),
            ("EVENT_BUS_NAME", "bench"),
            ("CURSOR_SECRET", "00000000000000000000000000000000"),
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("TRACE_SAMPLE_RATE", if work.traced { "1" } else { "0" }),
        ];
        let program = self.programs.join(work.function);
        let name = work.function.rsplit('/').next().unwrap();
        Function::start_program(&program, name, Extensions::Known, &variables).await
    }

    async fn events(&self, work: Work, count: usize) -> Vec<Value> {
        match work.function {
            "create-order" => (0..count).map(|_| self.create()).collect(),
            "get-order" => (0..count).map(|n| read("/orders/{id}", &stored(n))).collect(),
            "list-orders" => (0..count).map(|_| read("/orders", &json!({}))).collect(),
            "fulfill-order" => self.batches(count).await,
            _ => (0..count).map(|_| read("/nothing", &json!({}))).collect(),
        }
    }

    /// An order for three products, each of another customer.
    fn create(&self) -> Value {
        let order = self.shop.basket();
        let items: Vec<_> = order
            .lines()
            .iter()
            .map(|line| json!({ "product_id": line.product_id.as_uuid(), "quantity": 1 }))
            .collect();
        let body = json!({
            "customer_name": "Ada Lovelace", "customer_email": "ada@example.com", "items": items,
        });
        let mut event = read("/orders", &json!({}));
        event["routeKey"] = "POST /orders".into();
        event["requestContext"]["http"]["method"] = "POST".into();
        let claims = &mut event["requestContext"]["authorizer"]["jwt"]["claims"];
        claims["sub"] = shop::customer().into();
        event["headers"]["content-type"] = "application/json".into();
        event["body"] = body.to_string().into();
        event
    }

    async fn batches(&self, count: usize) -> Vec<Value> {
        let batches = self.shop.pending(count as u64, BATCH).await;
        let record = |body: String| {
            json!({
                "messageId": Uuid::new_v4(), "receiptHandle": "bench", "body": body,
                "attributes": {}, "messageAttributes": {}, "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:jobs",
                "awsRegion": "eu-central-1",
            })
        };
        let event = |batch: Vec<String>| json!({ "Records": batch.into_iter().map(record).collect::<Vec<_>>() });
        batches
            .into_iter()
            .map(|jobs| event(jobs.iter().map(|job| job.to_body().unwrap()).collect()))
            .collect()
    }

    /// The median of the statement that places an order, in milliseconds, by the service's own code on
    /// a connection of its own.
    async fn statement_alone(&self) -> f64 {
        let database = Database::connect(&self.shop.config, &[PLACE_ORDER]).await.unwrap();
        let mut waits = Vec::with_capacity(REQUESTS);
        for turn in 0..WARM_UP + REQUESTS {
            let (order, context) = (self.shop.basket(), shop::context(&shop::customer()));
            tokio::time::sleep(PAUSE).await;
            let started = Instant::now();
            let placed = database.place(OrderId::generate(), &order, None, &context).await.unwrap();
            if turn >= WARM_UP && matches!(placed, Placement::Placed(_)) {
                waits.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        median(waits)
    }

    async fn starts(&self) {
        println!("Starts, the median of {STARTS}, in milliseconds.\n");
        println!("| program | until it asks for work | until its first answer | size (MB) |");
        println!("|---|---:|---:|---:|");
        let (mut ready, mut answered) =
            ([const { Vec::new() }; WORK.len()], [const { Vec::new() }; WORK.len()]);
        let mut bare = Vec::new();
        for _ in 0..STARTS {
            bare.push(self.bare().await);
            for (index, work) in WORK.into_iter().enumerate() {
                let event = self.events(work, 1).await.remove(0);
                let started = Instant::now();
                let mut function = self.start(work).await;
                function.give(event).await;
                function.ready().await;
                ready[index].push(started.elapsed().as_secs_f64() * 1e3);
                good(&function.answer().await);
                answered[index].push(started.elapsed().as_secs_f64() * 1e3);
                function.kill().await;
            }
        }
        for ((work, ready), answered) in WORK.iter().zip(ready).zip(answered) {
            // The other create differs in nothing that a start sees.
            if work.stub == 0 {
                let size = size(&self.programs.join(work.function));
                let (ready, answered) = (median(ready), median(answered));
                let traced = if work.traced { ", traced" } else { "" };
                println!("| {}{traced} | {ready:.1} | {answered:.1} | {size:.1} |", work.function);
            }
        }
        println!("| create's statement, bare | | {:.1} | |", median(bare));
    }

    /// The time that a program takes which connects, prepares create's statement, and runs it once.
    async fn bare(&self) -> f64 {
        let product = Uuid::from_u128(1).to_string();
        let started = Instant::now();
        let status = Command::new(self.programs.join("examples/bare_statement"))
            .args([&self.shop.config.url, &product])
            .stdin(Stdio::null())
            .status()
            .await
            .unwrap();
        assert!(status.success(), "{status}");
        started.elapsed().as_secs_f64() * 1e3
    }
}

/// A `GET` as a customer who has orders.
fn read(path: &str, parameters: &Value) -> Value {
    let mut event = get(path, parameters);
    event["requestContext"]["authorizer"]["jwt"] = json!({
        "claims": {
            "sub": "owner-1", "scope": "orders/read orders/write orders/staff",
            "iss": "https://issuer.example.com", "aud": "waybill", "exp": "4102444800",
        },
        "scopes": [],
    });
    event
}

/// The id of one of the orders that were there from the start.
fn stored(n: usize) -> Value {
    json!({ "id": Uuid::from_u128(u128::from(shop::FIRST_STORED) + (n % 10_000) as u128) })
}

/// Fails on an answer that is an error, or a batch of which a message failed.
fn good(answer: &Value) {
    let status = answer["statusCode"].as_u64().unwrap_or(200);
    let failures = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
    assert!((200..300).contains(&status) && failures == 0, "{answer}");
}

/// The processor time of a process so far, of the threads that it has.
fn processor_time(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanoseconds = |thread: std::io::Result<std::fs::DirEntry>| -> u64 {
        let stat = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        stat.split_whitespace().next().unwrap().parse().unwrap()
    };
    Duration::from_nanos(threads.map(nanoseconds).sum())
}

/// The resident memory of a process, in megabytes.
fn memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "some megabytes")]
fn size(program: &Path) -> f64 {
    std::fs::metadata(program).unwrap().len() as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
fn count(count: usize) -> f64 {
    count as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
