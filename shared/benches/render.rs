//! What it takes to make the response of a full page of orders, and of an order of a hundred lines:
//! time by criterion, and allocations by counting them.
//!
//! It needs nothing else: `cargo bench --package waybill --bench render`.
#![expect(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints what it finds, and fails by panicking"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use allocation_counter::AllocationInfo;
use criterion::{BatchSize, Criterion};
use jiff::Timestamp;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde_json::json;
use tokio::runtime::Runtime;
use uuid::Uuid;
use waybill::config::CursorSecret;
use waybill::domain::{
    Caller, Currency, HistoryEntry, Money, Order, OrderId, OrderItem, OrderSummary, Owner, Page,
    ProductId, Scope, Status, Version,
};
use waybill::http::{
    Callers, CursorKey, Reply, Response, answer, read_event, read_order_list, routes,
};

/// How much the making of one response took from the allocator.
#[derive(Default)]
struct Counted {
    allocations: AtomicU64,
    bytes: AtomicU64,
}

impl Counted {
    fn count<T>(&self, make: impl FnOnce() -> T) -> T {
        let mut answer = None;
        let AllocationInfo { count_total, bytes_total, .. } =
            allocation_counter::measure(|| answer = Some(make()));
        self.allocations.store(count_total, Relaxed);
        self.bytes.store(bytes_total, Relaxed);
        answer.unwrap()
    }

    fn print(&self, what: &str, response: &Response) {
        let text = response.body();
        assert_eq!(response.status(), StatusCode::OK);
        let (allocations, bytes) = (self.allocations.load(Relaxed), self.bytes.load(Relaxed));
        let share = bytes as f64 / text.len() as f64;
        println!(
            "{what}: a body of {} bytes, made with {allocations} allocations of {bytes} bytes in \
             all ({share:.2} bytes for each of the body)",
            text.len()
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    page_of_orders(&runtime, &mut criterion);
    largest_order(&runtime, &mut criterion);
    criterion.final_summary();
}

/// `GET /orders?limit=100`, where the list goes on.
fn page_of_orders(runtime: &Runtime, criterion: &mut Criterion) {
    let page = Page { entries: (0..100).map(summary).collect(), has_more: true };
    let key = CursorKey::new(&CursorSecret::new("k".repeat(32)).unwrap()).unwrap();
    let callers = Callers { watch: Some(caller()), ..Callers::default() };
    let (counted, request) = (Counted::default(), || request("limit=100"));
    let serve = |request| {
        runtime.block_on(answer(request, &callers, &routes::LIST_ORDERS, async |request| {
            let list = read_order_list(&request, &key)?;
            Ok(counted.count(|| list.reply(&page)))
        }))
    };
    counted.print("a page of 100 orders", &serve(request()));
    criterion.bench_function("a page of 100 orders", |bencher| {
        bencher.iter_batched(request, |request| black_box(serve(request)), BatchSize::SmallInput);
    });
}

/// `GET /orders/{id}` of an order with as many lines as one can have, at the end of its life.
fn largest_order(runtime: &Runtime, criterion: &mut Criterion) {
    let order = Order {
        summary: summary(1),
        items: (0..100).map(item).collect(),
        history: Status::ALL.into_iter().take(4).map(entry).collect(),
    };
    let callers = Callers { watch: Some(caller()), ..Callers::default() };
    let (counted, request) = (Counted::default(), || request(""));
    let serve = |request| {
        runtime.block_on(answer(request, &callers, &routes::GET_ORDER, async |_| {
            Ok(counted.count(|| Reply::order(StatusCode::OK, &order))?)
        }))
    };
    counted.print("an order of 100 lines", &serve(request()));
    criterion.bench_function("an order of 100 lines", |bencher| {
        bencher.iter_batched(request, |request| black_box(serve(request)), BatchSize::SmallInput);
    });
}

fn caller() -> Caller {
    Caller::new(Owner::parse("grace").unwrap(), [Scope::Staff])
}

/// A request with this query string.
fn request(query: &str) -> Request {
    let line = json!({ "method": "GET", "path": "/" });
    let event = json!({ "rawQueryString": query, "requestContext": { "http": line } });
    read_event(serde_json::from_value(event).unwrap())
}

fn now() -> Timestamp {
    "2026-02-21T12:00:00.123456Z".parse().unwrap()
}

fn price(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap()).unwrap()
}

fn summary(number: u128) -> OrderSummary {
    let id = OrderId::from(Uuid::from_u128(0x019c_8012_2a00_7a31_9c40_0000_0000_0000 | number));
    OrderSummary {
        id,
        number: id.number(),
        status: Status::Delivered,
        customer_name: "Augusta Ada King, Countess of Lovelace".to_owned(),
        customer_email: "augusta.ada.king@example.com".to_owned(),
        total: price(1_234_567),
        item_count: 100,
        version: Version::new(4).unwrap(),
        created_at: now(),
        updated_at: now(),
    }
}

fn item(number: u128) -> OrderItem {
    OrderItem {
        product_id: ProductId::from(Uuid::from_u128(number)),
        name: "Fountain pen, fine nib, with a \"tie\" of brass".to_owned(),
        unit_price: price(3_490),
        quantity: 12,
    }
}

fn entry(to: Status) -> HistoryEntry {
    HistoryEntry {
        from: (to != Status::Pending).then_some(Status::Pending),
        to,
        at: now(),
        actor: "fulfill-order".to_owned(),
        correlation_id: Uuid::from_u128(7).to_string(),
        reason: None,
    }
}
