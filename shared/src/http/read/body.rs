//! The bodies of requests. Every error is listed, not only the first.

use serde_json::Value;

use super::fields::Reader;
use crate::Error;
use crate::domain::{
    Buckets, Currency, CustomerEmail, CustomerName, MAX_LINES, Money, NewOrder, NewProduct,
    ProductId, ProductName, Quantity, Status, Stock,
};
use crate::error::Violation;
use crate::http::respond::Problem;

/// Reads `body` as an order to place.
///
/// # Errors
/// A violation for each invalid or missing field.
pub fn read_new_order(body: &Value) -> Result<NewOrder, Problem> {
    new_order(body).map_err(invalid)
}

/// Reads `body` as the new status of an order.
///
/// # Errors
/// A violation for each invalid or missing field.
pub fn read_new_status(body: &Value) -> Result<Status, Problem> {
    let read = Reader::read(body, |reader, body| {
        reader.object(body, &["status"], |reader, body| {
            reader.field(body, "status", |reader, value| reader.text(value, status))
        })
    });
    read.map_err(invalid)
}

/// Reads `body` as the new state of a product.
///
/// # Errors
/// A violation for each invalid or missing field.
pub fn read_new_product(body: &Value) -> Result<NewProduct, Problem> {
    new_product(body).map_err(invalid)
}

/// Checks that `body` is an object without fields.
///
/// # Errors
/// A violation for each field, or one if it is not an object.
pub(in crate::http) fn read_no_fields(body: &Value) -> Result<(), Problem> {
    let read = Reader::read(body, |reader, body| reader.object(body, &[], |_, _| Some(())));
    read.map_err(invalid)
}

/// Reads the name of a status.
pub(super) fn status(text: &str) -> Result<Status, String> {
    Status::parse(text).ok_or_else(|| {
        let known: Vec<_> = Status::ALL.into_iter().map(Status::as_str).collect();
        format!("must be one of {}", known.join(", "))
    })
}

fn invalid(violations: Vec<Violation>) -> Problem {
    Error::Invalid(violations).into()
}

fn new_order(body: &Value) -> Result<NewOrder, Vec<Violation>> {
    let known = ["customer_name", "customer_email", "items"];
    let (name, email, items) = Reader::read(body, |reader, body| {
        reader.object(body, &known, |reader, body| {
            let name = reader.field(body, "customer_name", |reader, value| {
                reader.text(value, CustomerName::parse)
            });
            let email = reader.field(body, "customer_email", |reader, value| {
                reader.text(value, CustomerEmail::parse)
            });
            let items = reader.field(body, "items", items);
            Some((name?, email?, items?))
        })
    })?;
    NewOrder::new(name, email, &items)
        .map_err(|detail| vec![Violation { pointer: "/items".to_owned(), detail }])
}

fn items(reader: &mut Reader, value: &Value) -> Option<Vec<(ProductId, Quantity)>> {
    let Value::Array(items) = value else {
        return reader.refuse("must be an array of items");
    };
    // Without reading the lines: the list of errors would get too long.
    if !(1..=MAX_LINES).contains(&items.len()) {
        return reader.refuse(format!("must have 1 to {MAX_LINES} items"));
    }
    let mut lines = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let line = reader.at(index, |reader| {
            reader.object(item, &["product_id", "quantity"], |reader, item| {
                let product = reader.field(item, "product_id", |reader, value| {
                    reader.text(value, ProductId::parse)
                });
                let quantity = reader.field(item, "quantity", quantity);
                Some((product?, quantity?))
            })
        });
        lines.extend(line);
    }
    Some(lines)
}

fn quantity(reader: &mut Reader, value: &Value) -> Option<Quantity> {
    let Some(pieces) = value.as_i64() else {
        return reader.refuse(format!("must be a whole number from 1 to {}", Quantity::MAX));
    };
    Quantity::parse(pieces).map_or_else(|detail| reader.refuse(detail), Some)
}

fn buckets(reader: &mut Reader, value: &Value) -> Option<Buckets> {
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    match number.and_then(Buckets::new) {
        Some(buckets) => Some(buckets),
        None => reader.refuse(format!("must be a whole number from 1 to {}", Buckets::MAX.get())),
    }
}

fn new_product(body: &Value) -> Result<NewProduct, Vec<Violation>> {
    let known = ["name", "currency", "price_minor", "stock", "stock_buckets", "active"];
    Reader::read(body, |reader, body| {
        reader.object(body, &known, |reader, body| {
            let name =
                reader.field(body, "name", |reader, value| reader.text(value, ProductName::parse));
            let currency =
                reader.field(body, "currency", |reader, value| reader.text(value, Currency::parse));
            let minor =
                reader.field(body, "price_minor", |reader, value| reader.number(value, i64::MAX));
            let stock =
                reader.field(body, "stock", |reader, value| reader.number(value, i32::MAX.into()));
            // A wrong one is listed, and so not taken for a missing one.
            let buckets = body
                .get("stock_buckets")
                .and_then(|value| reader.at("stock_buckets", |reader| buckets(reader, value)));
            let active = reader.field(body, "active", Reader::flag);
            let price = Money::new(minor?, currency?).ok()?;
            let stock = Stock::new(stock?.try_into().ok()?)?;
            Some(NewProduct { name: name?, price, stock, buckets, active: active? })
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const MUG: &str = "019c8019-aa00-7a31-9c40-000000000001";

    fn pointers(body: &Value) -> Vec<String> {
        new_order(body).unwrap_err().into_iter().map(|violation| violation.pointer).collect()
    }

    fn valid() -> Value {
        json!({
            "customer_name": "Ada Lovelace",
            "customer_email": "ada@example.com",
            "items": [{ "product_id": MUG, "quantity": 2 }],
        })
    }

    #[test]
    fn a_whole_body_is_an_order() {
        let order = new_order(&valid()).unwrap();
        assert_eq!(order.customer_name.as_str(), "Ada Lovelace");
        assert_eq!(order.lines().len(), 1);
    }

    #[test]
    fn every_breach_is_listed_with_its_place() {
        let body = json!({
            "customer_email": "ada",
            "coupon": "x",
            "a/b~c": 1,
            "items": [
                { "product_id": "1", "quantity": 0 },
                { "product_id": MUG, "quantity": 1.5, "price": 1 },
                7,
                { "product_id": MUG },
            ],
        });
        let mut found = pointers(&body);
        found.sort();
        assert_eq!(
            found,
            [
                "/a~1b~0c",
                "/coupon",
                "/customer_email",
                "/customer_name",
                "/items/0/product_id",
                "/items/0/quantity",
                "/items/1/price",
                "/items/1/quantity",
                "/items/2",
                "/items/3/quantity",
            ]
        );
    }

    #[test]
    fn items_are_there_and_not_too_many() {
        for items in [json!(null), json!({}), json!([]), json!(vec![json!({}); 101])] {
            let mut body = valid();
            body["items"] = items;
            assert_eq!(pointers(&body), ["/items"]);
        }
    }

    #[test]
    fn a_product_has_all_of_its_fields_and_no_others() {
        let valid = json!({
            "name": " Enamel mug ", "currency": "EUR", "price_minor": 0, "stock": i32::MAX,
            "active": false,
        });
        let product = new_product(&valid).unwrap();
        assert_eq!((product.name.as_str(), product.stock.get()), ("Enamel mug", i32::MAX));
        assert_eq!((product.price.minor(), product.price.currency().as_str()), (0, "EUR"));
        assert!(!product.active);

        let pointers = |body: &Value| {
            let violations = new_product(body).unwrap_err();
            violations.into_iter().map(|violation| violation.pointer).collect::<Vec<_>>()
        };
        let all = ["/name", "/currency", "/price_minor", "/stock", "/active"];
        assert_eq!(pointers(&json!({})), all);
        let wrong = json!({
            "name": "x".repeat(201), "currency": "eur", "price_minor": -1,
            "stock": i64::from(i32::MAX) + 1, "active": "yes",
        });
        assert_eq!(pointers(&wrong), all);
        let wrong = json!({
            "name": "two\nlines", "currency": null, "price_minor": 9_223_372_036_854_775_808_u64,
            "stock": 1.5, "active": 1,
        });
        assert_eq!(pointers(&wrong), all);
        let mut wrong = valid;
        wrong["version"] = json!(1);
        assert_eq!(pointers(&wrong), ["/version"]);
    }

    #[test]
    fn a_product_may_say_in_how_many_buckets_its_stock_is() {
        let mut product = json!({
            "name": "Enamel mug", "currency": "EUR", "price_minor": 0, "stock": 1, "active": true,
        });
        assert_eq!(new_product(&product).unwrap().buckets, None);
        for number in [1, 64] {
            product["stock_buckets"] = json!(number);
            assert_eq!(new_product(&product).unwrap().buckets, Buckets::new(number));
        }
        for wrong in [json!(null), json!(0), json!(65), json!(1.5), json!("2"), json!(i64::MAX)] {
            product["stock_buckets"] = wrong;
            let violations = new_product(&product).unwrap_err();
            assert_eq!(violations[0].pointer, "/stock_buckets");
        }
    }

    #[test]
    fn a_body_that_is_no_object_is_refused_at_its_root() {
        for body in [json!(null), json!([]), json!("x"), json!(1)] {
            assert_eq!(pointers(&body), [""]);
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(text in "\\PC*", quantity in any::<i64>()) {
            let _ = new_order(&json!({ "customer_name": text, "items": [{ "quantity": quantity }] }));
            if let Ok(body) = serde_json::from_str(&text) {
                let _ = new_order(&body);
            }
        }
    }
}
