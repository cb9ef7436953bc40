//! The products of a run. They are made for it, so that no other order changes their stock.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;
use uuid::Uuid;
use waybill_ops::error::{Error, Result};

use crate::answers::{of_other, problem};
use crate::client::{Answer, Client, send};
use crate::history::{Outcome, Product};

/// The products: name, price in cents, stock at the start, and the number of buckets it is in. The first
/// is that of a flash sale.
const PRODUCTS: [(&str, i64, i64, i32); 8] = [
    ("Flash sale: fountain pen", 3490, 60, 4),
    ("Traffic: notebook A5", 1450, 400, 1),
    ("Traffic: ink, midnight blue", 1290, 300, 1),
    ("Traffic: pencils, 6 pieces", 720, 200, 1),
    ("Traffic: eraser", 150, 150, 1),
    ("Traffic: desk pad", 2990, 80, 1),
    ("Traffic: sketchbook A4", 1990, 40, 1),
    ("Traffic: sealing wax", 1120, 20, 1),
];

/// How often a restock without an answer is sent, and the pause in between.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_secs(2);

/// The products, and what staff know of them.
#[derive(Debug)]
pub(crate) struct Shop {
    products: Vec<Product>,
    /// The `ETag` of each product, locked while staff change it.
    etags: Vec<Mutex<String>>,
}

impl Shop {
    /// New products, which no stack has yet.
    #[must_use]
    pub(crate) fn plan() -> Vec<Product> {
        let product = |(name, _, stock, _): (&str, i64, i64, i32)| Product {
            id: Uuid::now_v7(),
            name: name.to_owned(),
            stock,
        };
        PRODUCTS.map(product).into()
    }

    /// Puts the products on sale.
    ///
    /// # Errors
    /// If the service refuses one, or does not answer.
    pub(crate) async fn open(products: Vec<Product>, client: &Client, staff: &str) -> Result<Self> {
        let mut etags = Vec::new();
        for (product, &(_, price, _, buckets)) in products.iter().zip(&PRODUCTS) {
            let body = body(product, (price, buckets), product.stock, true);
            let path = format!("/products/{}", product.id);
            let request = client.request(Method::PUT, &path, staff);
            let answer = send(request.header("if-none-match", "*").json(&body)).await;
            etags.push(Mutex::new(etag(&answer)?));
        }
        Ok(Self { products, etags })
    }

    /// Adds pieces to the stock of a product. Skips it while another restock of it is in progress.
    ///
    /// A restock without an answer is sent again with the same `ETag`: 412 with the next version says
    /// that the first one arrived, since nobody else changes the product.
    pub(crate) async fn restock(
        &self,
        client: &Client,
        staff: &str,
        product: usize,
        pieces: i64,
    ) -> Outcome {
        let (Some(described), Some(lock)) = (self.products.get(product), self.etags.get(product))
        else {
            return Outcome::Skipped;
        };
        let Ok(mut etag) = lock.try_lock() else { return Outcome::Skipped };
        let Some((version, stock)) = parse(&etag) else { return Outcome::Skipped };
        let terms =
            PRODUCTS.get(product).map_or((0, 1), |&(_, price, _, buckets)| (price, buckets));
        let body = body(described, terms, stock + pieces, true);
        let path = format!("/products/{}", described.id);
        let mut outcome = Outcome::Skipped;
        for _ in 0..TRIES {
            let repeated = matches!(outcome, Outcome::Unknown { .. });
            if repeated {
                tokio::time::sleep(PAUSE).await;
            }
            let request = client.request(Method::PUT, &path, staff);
            let answer = send(request.header("if-match", etag.as_str()).json(&body)).await;
            outcome = of_other(&answer);
            let Ok(answer) = answer else { continue };
            if let Some(current) = current_version(&answer) {
                // A change counts from the stock in the ETag, so any stock will do.
                *etag = format!("\"{current}-0\"");
                return if repeated && current == version + 1 { Outcome::Done } else { outcome };
            }
            if let Some(new) = answer.header("etag") {
                new.clone_into(&mut etag);
            }
            if !matches!(outcome, Outcome::Unknown { .. }) {
                break;
            }
        }
        outcome
    }

    /// Takes the products off sale, so that they don't stay in the shop. A failure leaves them there.
    pub(crate) async fn close(&self, client: &Client, staff: &str) {
        for ((product, etag), &(_, price, _, buckets)) in
            self.products.iter().zip(&self.etags).zip(&PRODUCTS)
        {
            let etag = etag.lock().await;
            let Some((_, stock)) = parse(&etag) else { continue };
            let path = format!("/products/{}", product.id);
            let request = client.request(Method::PUT, &path, staff);
            let body = body(product, (price, buckets), stock, false);
            let _ = send(request.header("if-match", etag.as_str()).json(&body)).await;
        }
    }
}

fn body(
    product: &Product,
    (price, buckets): (i64, i32),
    stock: i64,
    active: bool,
) -> serde_json::Value {
    json!({
        "name": product.name,
        "currency": "EUR",
        "price_minor": price,
        "stock": stock,
        "stock_buckets": buckets,
        "active": active,
    })
}

/// The `ETag` of a product that was created.
fn etag(answer: &Result<Answer, &'static str>) -> Result<String> {
    let failed = |why: &str| {
        Error::new(format!(
            "The products of the traffic could not be made: {why}. Is the stack running? `make up` \
             starts it."
        ))
    };
    let answer = answer.as_ref().map_err(|why| failed(why))?;
    let etag = answer.header("etag").filter(|_| answer.status == 201);
    etag.map(str::to_owned).ok_or_else(|| failed(&format!("{} {}", answer.status, answer.body)))
}

/// The version and the stock in the `ETag` of a product, such as `"7-41"`.
fn parse(etag: &str) -> Option<(i64, i64)> {
    let (version, stock) = etag.trim_matches('"').split_once('-')?;
    Some((version.parse().ok()?, stock.parse().ok()?))
}

/// The version that a refused change names.
fn current_version(answer: &Answer) -> Option<i64> {
    if problem(answer)? != "version-mismatch" {
        return None;
    }
    let body: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    body.get("current_version")?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_has_a_version_and_a_stock() {
        assert_eq!(parse("\"7-41\""), Some((7, 41)));
        assert_eq!(parse("\"7\""), None);
    }

    #[test]
    fn a_refused_change_names_the_version() {
        let headers = reqwest::header::HeaderMap::new();
        let body = json!({ "type": "/problems/version-mismatch", "current_version": 8 });
        let answer = Answer { status: 412, headers, body: body.to_string() };
        assert_eq!(current_version(&answer), Some(8));
        let other = Answer { body: "{}".to_owned(), ..answer };
        assert_eq!(current_version(&other), None);
    }
}
