//! The bodies of requests. Every error is listed, not only the first.

use std::fmt::{Display, Write};

use serde_json::{Map, Value};

use crate::Error;
use crate::domain::{
    Currency, CustomerEmail, CustomerName, MAX_LINES, Money, NewOrder, NewProduct, ProductId,
    ProductName, Quantity, Status, Stock,
};
use crate::error::Violation;
use crate::http::respond::Problem;

/// Reads `body` as an order to place.
///
/// # Errors
/// A violation for each invalid or missing field.
pub fn read_new_order(body: &Value) -> Result<NewOrder, Problem> {
    new_order(body).map_err(|violations| Error::Invalid(violations).into())
}

/// Reads `body` as the new status of an order.
///
/// # Errors
/// A violation for each invalid or missing field.
pub fn read_new_status(body: &Value) -> Result<Status, Problem> {
    let mut reader = Reader::default();
    let status = reader.object(body, &["status"], |reader, body| {
        reader.field(body, "status", |reader, value| reader.text(value, status))
    });
    match status {
        Some(status) if reader.violations.is_empty() => Ok(status),
        _ => Err(Error::Invalid(reader.violations).into()),
    }
}

/// Checks that `body` is an object without fields.
///
/// # Errors
/// A violation for each field, or one if it is not an object.
pub(in crate::http) fn read_no_fields(body: &Value) -> Result<(), Problem> {
    let mut reader = Reader::default();
    match reader.object(body, &[], |_, _| Some(())) {
        Some(()) if reader.violations.is_empty() => Ok(()),
        _ => Err(Error::Invalid(reader.violations).into()),
    }
}

/// Reads `body` as the new state of a product.
///
/// # Errors
/// A violation for each invalid or missing field.
pub fn read_new_product(body: &Value) -> Result<NewProduct, Problem> {
    new_product(body).map_err(|violations| Error::Invalid(violations).into())
}

fn new_product(body: &Value) -> Result<NewProduct, Vec<Violation>> {
    let mut reader = Reader::default();
    let known = ["name", "currency", "price_minor", "stock", "active"];
    let product = reader.object(body, &known, |reader, body| {
        let name =
            reader.field(body, "name", |reader, value| reader.text(value, ProductName::parse));
        let currency =
            reader.field(body, "currency", |reader, value| reader.text(value, Currency::parse));
        let minor =
            reader.field(body, "price_minor", |reader, value| reader.number(value, i64::MAX));
        let stock =
            reader.field(body, "stock", |reader, value| reader.number(value, i32::MAX.into()));
        let active = reader.field(body, "active", Reader::flag);
        let price = Money::new(minor?, currency?).ok()?;
        let stock = Stock::new(stock?.try_into().ok()?)?;
        Some(NewProduct { name: name?, price, stock, active: active? })
    });
    match product {
        Some(product) if reader.violations.is_empty() => Ok(product),
        _ => Err(reader.violations),
    }
}

/// Reads the name of a status.
pub(super) fn status(text: &str) -> Result<Status, String> {
    Status::parse(text).ok_or_else(|| {
        let known: Vec<_> = Status::ALL.into_iter().map(Status::as_str).collect();
        format!("must be one of {}", known.join(", "))
    })
}

fn new_order(body: &Value) -> Result<NewOrder, Vec<Violation>> {
    let mut reader = Reader::default();
    let order =
        reader.object(body, &["customer_name", "customer_email", "items"], |reader, body| {
            let name = reader.field(body, "customer_name", |reader, value| {
                reader.text(value, CustomerName::parse)
            });
            let email = reader.field(body, "customer_email", |reader, value| {
                reader.text(value, CustomerEmail::parse)
            });
            let items = reader.field(body, "items", Reader::items);
            Some((name?, email?, items?))
        });
    match order {
        Some((name, email, items)) if reader.violations.is_empty() => {
            NewOrder::new(name, email, &items)
                .map_err(|detail| vec![Violation { pointer: "/items".to_owned(), detail }])
        }
        _ => Err(reader.violations),
    }
}

/// Walks through a JSON value and collects its errors.
#[derive(Default)]
struct Reader {
    /// The JSON pointer of the current value.
    pointer: String,
    violations: Vec<Violation>,
}

impl Reader {
    fn items(&mut self, value: &Value) -> Option<Vec<(ProductId, Quantity)>> {
        let Value::Array(items) = value else {
            return self.refuse("must be an array of items");
        };
        // Without reading the lines: the list of errors would get too long.
        if !(1..=MAX_LINES).contains(&items.len()) {
            return self.refuse(format!("must have 1 to {MAX_LINES} items"));
        }
        let mut lines = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let line = self.at(index, |reader| {
                reader.object(item, &["product_id", "quantity"], |reader, item| {
                    let product = reader.field(item, "product_id", |reader, value| {
                        reader.text(value, ProductId::parse)
                    });
                    let quantity = reader.field(item, "quantity", Self::quantity);
                    Some((product?, quantity?))
                })
            });
            lines.extend(line);
        }
        Some(lines)
    }

    fn quantity(&mut self, value: &Value) -> Option<Quantity> {
        let Some(pieces) = value.as_i64() else {
            return self.refuse(format!("must be a whole number from 1 to {}", Quantity::MAX));
        };
        Quantity::parse(pieces).map_or_else(|detail| self.refuse(detail), Some)
    }

    /// Reads a whole number from zero to `max`.
    fn number(&mut self, value: &Value, max: i64) -> Option<i64> {
        match value.as_i64().filter(|number| (0..=max).contains(number)) {
            Some(number) => Some(number),
            None => self.refuse(format!("must be a whole number from 0 to {max}")),
        }
    }

    fn flag(&mut self, value: &Value) -> Option<bool> {
        match value.as_bool() {
            Some(flag) => Some(flag),
            None => self.refuse("must be true or false"),
        }
    }

    fn text<T>(&mut self, value: &Value, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        let Value::String(text) = value else {
            return self.refuse("must be a string");
        };
        parse(text).map_or_else(|detail| self.refuse(detail), Some)
    }

    /// Reads an object that has only the fields in `known`.
    fn object<T>(
        &mut self,
        value: &Value,
        known: &[&str],
        read: impl FnOnce(&mut Self, &Map<String, Value>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(fields) = value else {
            return self.refuse("must be an object");
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            self.at(escape(name), |reader| reader.refuse::<()>("is not a known field"));
        }
        read(self, fields)
    }

    fn field<T>(
        &mut self,
        object: &Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        self.at(name, |reader| match object.get(name) {
            Some(value) => read(reader, value),
            None => reader.refuse("is missing"),
        })
    }

    /// Reads one level down.
    fn at<T>(&mut self, step: impl Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let above = self.pointer.len();
        let _ = write!(self.pointer, "/{step}");
        let result = read(self);
        self.pointer.truncate(above);
        result
    }

    fn refuse<T>(&mut self, detail: impl Into<String>) -> Option<T> {
        self.violations.push(Violation { pointer: self.pointer.clone(), detail: detail.into() });
        None
    }
}

/// A name as part of a JSON pointer (RFC 6901, 3), cut after 64 characters.
pub(super) fn escape(name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    name.replace('~', "~0").replace('/', "~1")
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
