//! What the service adds to its statements: each through the service's own code on one connection,
//! and the same SQL by `pgbench` on one connection, in turns and in one run.
//!
//! `make bench` starts a Postgres for it and says where `pgbench` is. With `locks` as an argument, it only
//! compares two kinds of locks; with `hot`, it sells one product through many connections, for which the
//! server has to wait for its disk.
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints what it finds, and fails by panicking"
)]

#[path = "../database/mod.rs"]
mod database;
mod hot;
mod locks;
mod peer;
#[path = "../shop/mod.rs"]
mod shop;

use std::time::{Duration, Instant};

use waybill::app::{ConfirmOrders, PlaceOrders, Placement};
use waybill::domain::OrderId;
use waybill::postgres::{CONFIRM_ORDERS, Database, PLACE_ORDER};

use crate::peer::{Form, Peer, Plan};
use crate::shop::Shop;

/// How often each side has its turn; the median of them counts.
const TURNS: usize = 5;

/// How many orders one turn places, or confirms at least.
const ORDERS: u64 = 3_000;

/// How many orders are in the table of the one shop, and of the other.
const SMALL: u64 = 1_000;
const LARGE: u64 = 1_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let part = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let small = Sides::open(SMALL).await;
    match part.as_deref() {
        Some("hot") => hot::run(&small.shop).await,
        Some("locks") => locks::run(&small.peer).await,
        _ => {
            compare(&small).await;
            locks::run(&small.peer).await;
        }
    }
}

/// Compares the service with pgbench.
async fn compare(small: &Sides) {
    let large = Sides::open(LARGE).await;
    println!("Orders a second on one connection, the median of {TURNS} turns.\n");
    println!("| statement | service | pgbench | service / pgbench |");
    println!("|---|---:|---:|---:|");
    // In turns, so that what else the machine does meets all alike.
    let mut creates = [const { Vec::new() }; 4];
    for _ in 0..TURNS {
        creates[0].push(small.place().await);
        creates[1].push(small.peer_places(Form::Prepared, Plan::Once).await);
        creates[2].push(large.place().await);
        creates[3].push(large.peer_places(Form::Prepared, Plan::Once).await);
    }
    let creates = creates.map(median);
    row(&format!("create, {SMALL} orders in the table"), creates[0], creates[1]);
    row(&format!("create, {LARGE} orders in the table"), creates[2], creates[3]);
    for batch in [1, 10, 100, 1_000] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            ours.push(small.confirm(batch).await);
            theirs.push(small.peer_confirms(batch).await);
        }
        row(&format!("fulfillment, batches of {batch}"), median(ours), median(theirs));
    }
    println!(
        "\nCreate in the large table, in relation to the small one: {:.2}",
        creates[2] / creates[0]
    );

    println!("\n| create statement by pgbench | planned as the server likes | planned once |");
    println!("|---|---:|---:|");
    for form in Form::ALL {
        let mut plans = [const { Vec::new() }; 2];
        for _ in 0..TURNS {
            for (plan, turns) in Plan::ALL.into_iter().zip(&mut plans) {
                turns.push(small.peer_places(form, plan).await);
            }
        }
        let [auto, once] = plans.map(median);
        println!("| {} | {auto:.0} | {once:.0} |", form.name());
    }
}

/// A shop, and both who work in it.
struct Sides {
    shop: Shop,
    service: Database,
    peer: Peer,
}

impl Sides {
    async fn open(orders: u64) -> Self {
        let shop = Shop::open(orders).await;
        let statements = &[PLACE_ORDER, CONFIRM_ORDERS];
        let service = Database::connect(&shop.config, statements).await.unwrap();
        let peer = Peer::new(&shop).await;
        Self { shop, service, peer }
    }

    /// Places orders one after the other, and says how many a second.
    async fn place(&self) -> f64 {
        // Each order is another customer's, who has no others to be counted.
        let orders: Vec<_> =
            (0..ORDERS).map(|_| (self.shop.basket(), shop::context(&shop::customer()))).collect();
        let started = Instant::now();
        for (order, context) in &orders {
            // Of so many orders a day, two may come to the same number; the use case tries another.
            loop {
                let id = OrderId::generate();
                match self.service.place(id, order, None, context).await.unwrap() {
                    Placement::Placed(_) => break,
                    Placement::NumberTaken => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        rate(ORDERS, started.elapsed())
    }

    async fn peer_places(&self, form: Form, plan: Plan) -> f64 {
        self.peer.place(form, plan, ORDERS).await
    }

    /// Confirms orders in batches, and says how many orders a second.
    async fn confirm(&self, batch: u64) -> f64 {
        let batches = self.shop.pending(ORDERS / batch, batch).await;
        let started = Instant::now();
        for jobs in &batches {
            let before = self.service.confirm(jobs).await.unwrap();
            assert_eq!(before.len(), jobs.len());
        }
        rate(ORDERS / batch * batch, started.elapsed())
    }

    async fn peer_confirms(&self, batch: u64) -> f64 {
        self.peer.confirm(&self.shop, batch, ORDERS / batch).await
    }
}

fn row(what: &str, ours: f64, theirs: f64) {
    println!("| {what} | {ours:.0} | {theirs:.0} | {:.2} |", ours / theirs);
}

#[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
