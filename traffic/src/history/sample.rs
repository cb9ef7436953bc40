//! A small history in which everything is right, for tests.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::arrivals::Arrivals;
use crate::history::{
    Available, Call, End, History, Observed, ObservedOrder, ObservedProduct, OrderLine, Outcome,
    Product, Request, Run,
};
use crate::mix::Mix;
use crate::mode::Mode;

/// The id of an order.
pub(crate) fn id(order: u64) -> Uuid {
    Uuid::from_u128(0x0100_0000 + u128::from(order))
}

/// The answer with an order.
pub(crate) fn placed(order: u64, replayed: bool) -> Outcome {
    let body = json!({"id": id(order), "status": "pending", "total_minor": 1250}).to_string();
    Outcome::Placed { id: id(order), replayed, body }
}

/// A history to which calls are added one after the other.
pub(crate) struct Sample {
    history: History,
    now_us: u64,
}

impl Sample {
    /// Ten pieces each of two products.
    pub(crate) fn new() -> Self {
        let product = |number: u128| Product {
            id: Uuid::from_u128(number),
            name: format!("Product {number}"),
            stock: 10,
        };
        let run = Run {
            version: Run::VERSION,
            name: "test".to_owned(),
            seed: 1,
            started_at: Timestamp::UNIX_EPOCH,
            mode: Mode::Steady,
            rate: 1.0,
            mix: Mix::default(),
            arrivals: Arrivals::Poisson,
            in_flight: 8,
            customers: 2,
            products: vec![product(0), product(1)],
            ceiling: None,
        };
        Self { history: History::new(run), now_us: 0 }
    }

    /// Adds a call that takes ten milliseconds, and begins when the one before has ended.
    pub(crate) fn call(&mut self, request: Request, outcome: Outcome) -> &mut Self {
        let sent_us = self.now_us + 1_000;
        self.now_us = sent_us + 10_000;
        self.overlapping(sent_us, request, outcome)
    }

    /// Adds a call that was sent at this time and is answered now.
    pub(crate) fn overlapping(
        &mut self,
        sent_us: u64,
        request: Request,
        outcome: Outcome,
    ) -> &mut Self {
        let number = self.history.calls.len() as u64;
        let (intended_us, answered_us) = (sent_us, self.now_us);
        let call = Call { number, intended_us, sent_us, answered_us, request, outcome };
        self.history.calls.push(call);
        self
    }

    /// Adds an order for some pieces of the first product.
    pub(crate) fn order(&mut self, order: u64, quantity: i64, outcome: Outcome) -> &mut Self {
        let lines = vec![OrderLine { product: 0, quantity }];
        self.call(Request::Order { order, customer: 0, lines }, outcome)
    }

    /// Ends the calls, and adds what the service has: orders with their status, and the stock of the
    /// first product. All events that these orders need were seen.
    pub(crate) fn end(&mut self, orders: &[(u64, &str)], stock: i64) -> History {
        let calls = self.history.calls.len() as u64;
        self.history.end = Some(End { at_us: self.now_us, calls });
        let mut observed = Observed {
            products: vec![
                ObservedProduct { product: 0, stock },
                ObservedProduct { product: 1, stock: 10 },
            ],
            ..Observed::default()
        };
        for &(order, status) in orders {
            observed.orders.push(ObservedOrder {
                id: id(order),
                customer: 0,
                status: status.to_owned(),
                total_minor: 1250,
                correlation_id: None,
            });
            let later: &[&str] = match status {
                "cancelled" => &["OrderCancelled"],
                "shipped" => &["OrderConfirmed", "OrderShipped"],
                _ => &["OrderConfirmed"],
            };
            for name in ["OrderPlaced"].iter().chain(later) {
                observed.events.entry((*name).to_owned()).or_default().insert(id(order));
            }
        }
        self.history.observed = Some(observed);
        self.history.clone()
    }
}

/// The refusal of an order of which the first product has too little.
pub(crate) fn short(pieces: i64) -> Outcome {
    Outcome::Refused {
        status: 409,
        reason: "insufficient-stock".to_owned(),
        available: vec![Available { product: 0, pieces }],
    }
}

/// One of each: orders placed, replayed, asked again, canceled, shipped, refused; and a restock.
pub(crate) fn clean() -> History {
    let mut sample = Sample::new();
    let unknown = Outcome::Unknown { why: "timeout".to_owned() };
    sample
        .order(0, 4, placed(0, false))
        .call(Request::Replay { order: 0 }, placed(0, true))
        .order(1, 3, unknown)
        .call(Request::AskAgain { order: 1 }, placed(1, true))
        .order(2, 4, short(3))
        .call(Request::Cancel { order: 0 }, Outcome::Done)
        .order(3, 2, placed(3, false))
        .call(Request::Ship { order: 3 }, Outcome::Done)
        .call(Request::Restock { product: 0, pieces: 20 }, Outcome::Done)
        .call(Request::ReadProduct { product: 0 }, Outcome::Done)
        .order(4, 1, Outcome::Throttled)
        .order(5, 1, Outcome::Unsent);
    // 10 - 3 - 2 + 20.
    sample.end(&[(0, "cancelled"), (1, "confirmed"), (3, "shipped")], 25)
}
