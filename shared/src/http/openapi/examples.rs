//! Examples, made by the code that renders responses. Ids of products are those of `sql/seed.sql`.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Error;
use crate::domain::{
    AmountOutOfRange, Buckets, CorrelationId, Currency, HistoryEntry, Money, Order, OrderId,
    OrderItem, OrderSummary, Product, ProductId, Scope, Status, Stock, Version,
};
use crate::error::{OwnerLimit, Shortage, Violation};
use crate::http::respond::{
    Check, Checks, Health, HealthStatus, Kind, OrderBody, OrderList, Problem, ProductBody,
    ProductList,
};
use crate::http::serve::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES};

/// The time of all examples: 21 February 2026, noon.
const NOON: i64 = 1_771_675_200;

/// The id of the example order.
pub(super) fn order_id() -> OrderId {
    OrderId::from(Uuid::from_u128(0x019c_8019_aa00_7a31_9c40_1f2e_6ba0_a415))
}

/// The id of the example product.
pub(super) fn product_id() -> ProductId {
    ProductId::from(Uuid::from_u128(0x019b_76da_a800_7000_8000_0000_0000_0007))
}

/// A request that places an order.
pub(super) fn new_order() -> Value {
    json!({
        "customer_name": "Ada Lovelace",
        "customer_email": "ada@example.com",
        "items": [{ "product_id": product_id(), "quantity": 2 }],
    })
}

/// A request that puts a product.
pub(super) fn new_product() -> Value {
    json!({
        "name": "Notebook A5, dotted, 192 pages",
        "currency": "EUR",
        "price_minor": 1450,
        "stock": 41,
        "active": true,
    })
}

/// An order that had these statuses.
pub(super) fn order(way: &[Status]) -> Value {
    OrderBody::new(&sample_order(way)).map(body).unwrap_or_default()
}

/// A page with one order.
pub(super) fn orders() -> Value {
    body(OrderList::new(&[sample_order(&[Status::Pending]).summary], None))
}

/// A product.
pub(super) fn product() -> Value {
    body(ProductBody::from(&sample_product()))
}

/// A page with one product.
pub(super) fn products() -> Value {
    body(ProductList::new(&[sample_product()], None))
}

/// The health of a service whose Postgres has this status.
pub(super) fn health(deep: bool, status: HealthStatus) -> Value {
    let check = |status, duration_ms| Check { status, duration_ms };
    let dependencies = deep.then(|| Checks {
        postgres: check(status, if status == HealthStatus::Ok { 0.6 } else { 3000.0 }),
        product_cache: check(HealthStatus::Ok, 4.2),
        fulfillment_queue: check(HealthStatus::Ok, 5.1),
    });
    body(Health { status, checked_at: deep.then(|| at(0)), dependencies })
}

/// A problem of this kind.
pub(super) fn problem(kind: Kind) -> Value {
    let problem = sample_problem(kind);
    CorrelationId::parse("checkout-42").map(|id| body(problem.body(&id))).unwrap_or_default()
}

/// A gateway error with this status.
pub(super) fn message(status: StatusCode) -> Value {
    json!({ "message": status.canonical_reason() })
}

fn sample_problem(kind: Kind) -> Problem {
    let breach = |pointer: &str, detail: &str| Violation {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    match kind {
        Kind::InvalidRequest => Error::Invalid(vec![
            breach("/items/0/quantity", "must be from 1 to 10000"),
            breach("/customer_email", "is missing"),
        ])
        .into(),
        Kind::AmountOutOfRange => Error::AmountOutOfRange(AmountOutOfRange).into(),
        Kind::Unauthorized => Problem::unauthorized("Bearer"),
        Kind::Forbidden => Problem::forbidden(&[Scope::Staff]),
        Kind::NoSuchRoute => Problem::no_such_route(),
        Kind::OrderNotFound => Error::OrderNotFound.into(),
        Kind::ProductNotFound => Error::ProductNotFound.into(),
        Kind::UnknownProduct => Error::UnknownProducts(vec![product_id()]).into(),
        Kind::MethodNotAllowed => Problem::method_not_allowed(&["GET", "PUT"]),
        Kind::InsufficientStock => Error::InsufficientStock(vec![Shortage {
            product_id: product_id(),
            name: sample_product().name,
            requested: 5,
            available: 2,
        }])
        .into(),
        Kind::IllegalTransition => {
            Error::IllegalTransition { from: Status::Shipped, to: Status::Cancelled }.into()
        }
        Kind::KeyInFlight => Error::KeyInFlight.into(),
        Kind::StockTaken => Error::StockTaken { version: version(7), stock: stock(3) }.into(),
        Kind::VersionMismatch => Error::VersionMismatch { current: version(3) }.into(),
        Kind::ProductExists => Error::ProductExists { current: Some(Version::FIRST) }.into(),
        Kind::ProductMissing => Error::ProductMissing.into(),
        Kind::BodyTooLarge => Problem::body_too_large(MAX_BODY_BYTES),
        Kind::QueryTooLong => Problem::query_too_long(MAX_QUERY_BYTES),
        Kind::UnsupportedMediaType => Problem::unsupported_media_type(),
        Kind::KeyReused => Error::KeyReused.into(),
        Kind::MixedCurrencies => Error::MixedCurrencies.into(),
        Kind::PreconditionRequired => Problem::precondition_required(),
        Kind::TooManyOrders => Error::TooManyOrders(OwnerLimit::Pending(100)).into(),
        Kind::HeadersTooLarge => Problem::headers_too_large(MAX_HEADER_BYTES, MAX_HEADERS),
        Kind::Internal => Problem::internal("an example"),
        Kind::Unavailable => Error::unavailable("an example", "an example").into(),
    }
}

pub(super) fn sample_product() -> Product {
    Product {
        id: product_id(),
        name: "Notebook A5, dotted, 192 pages".to_owned(),
        price: euros(1450),
        stock: stock(41),
        buckets: Buckets::ONE,
        active: true,
        version: version(7),
        updated_at: at(0),
    }
}

fn sample_order(way: &[Status]) -> Order {
    let mut history = Vec::new();
    let mut from = None;
    for (step, &to) in (0..).zip(way) {
        history.push(HistoryEntry {
            from,
            to,
            at: at(step),
            actor: if to == Status::Confirmed { "fulfill-order" } else { "ada" }.to_owned(),
            correlation_id: "checkout-42".to_owned(),
            reason: None,
        });
        from = Some(to);
    }
    let last = history.last().map_or_else(|| at(0), |entry| entry.at);
    Order {
        summary: OrderSummary {
            id: order_id(),
            number: order_id().number(),
            status: from.unwrap_or(Status::Pending),
            customer_name: "Ada Lovelace".to_owned(),
            customer_email: "ada@example.com".to_owned(),
            total: euros(2900),
            item_count: 1,
            version: version(i64::try_from(way.len()).unwrap_or(1)),
            created_at: at(0),
            updated_at: last,
        },
        items: vec![OrderItem {
            product_id: product_id(),
            name: "Notebook A5, dotted, 192 pages".to_owned(),
            unit_price: euros(1450),
            quantity: 2,
        }],
        history,
    }
}

fn at(minutes: i64) -> Timestamp {
    let noon = Timestamp::from_second(NOON).unwrap_or(Timestamp::UNIX_EPOCH);
    noon.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(noon)
}

fn version(number: i64) -> Version {
    Version::new(number).unwrap_or_else(|| unreachable!("the examples are positive"))
}

fn stock(pieces: i32) -> Stock {
    Stock::new(pieces).unwrap_or_else(|| unreachable!("the examples are positive"))
}

fn euros(minor: i64) -> Money {
    let currency = Currency::parse("EUR").unwrap_or_else(|_| unreachable!("EUR is a currency"));
    Money::new(minor, currency).unwrap_or_else(|_| unreachable!("the examples are positive"))
}

fn body(body: impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_in_the_documentation_of_problems_is_what_the_service_says() {
        let documentation = include_str!("../../../../docs/problems.md");
        for kind in Kind::ALL {
            let (_, section) =
                documentation.split_once(&format!("\n## {}\n", kind.code())).unwrap();
            let (_, example) = section.split_once("```json\n").unwrap();
            let (example, _) = example.split_once("```").unwrap();
            let example: Value = serde_json::from_str(example).unwrap();
            assert_eq!(example, problem(*kind), "{kind:?}");
        }
    }

    #[test]
    fn what_may_go_better_later_says_when() {
        let mut statuses = Vec::new();
        for kind in Kind::ALL {
            let response = sample_problem(*kind).respond(&CorrelationId::generate());
            if response.headers().contains_key("retry-after") {
                statuses.push(response.status().as_u16());
            } else {
                assert!(![429, 503].contains(&response.status().as_u16()), "{kind:?}");
            }
        }
        assert_eq!(statuses, [409, 429, 503]);
    }

    #[test]
    fn the_order_of_the_examples_is_numbered_as_the_service_does() {
        let order = order(&[Status::Pending]);
        assert_eq!(order["number"], order_id().number().as_str());
        assert_eq!(order["created_at"], "2026-02-21T12:00:00Z");
    }
}
