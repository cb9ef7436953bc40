//! Products: in the database, in the cache, and through the service's own API.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use reqwest::header::IF_MATCH;
use serde_json::{Value, json};
use tokio_postgres::Row;
use uuid::Uuid;
use waybill_ops::error::{Context as _, Error, Result};

use super::Sources;
use super::database::column;

/// The most products that are read.
pub(crate) const MOST: i64 = 500;
/// The most keys of one request to DynamoDB.
const KEYS: usize = 100;

/// A product in the database, beside the books.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    /// The id.
    pub(crate) id: Uuid,
    /// The name.
    pub(crate) name: String,
    /// The currency.
    pub(crate) currency: String,
    /// The price in minor units.
    pub(crate) price_minor: i64,
    /// What can still be sold.
    pub(crate) stock: i32,
    /// In how many buckets it is.
    pub(crate) stock_buckets: i32,
    /// What was ever put on sale.
    pub(crate) stocked: i64,
    /// What orders hold that are not cancelled.
    pub(crate) held: i64,
    /// Whether it can be ordered.
    pub(crate) active: bool,
    /// The version.
    pub(crate) version: i64,
}

/// What the cache holds of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cached {
    /// The version; 0 for a product that it believes to be missing.
    pub(crate) version: i64,
    /// The stock.
    pub(crate) stock: Option<i64>,
    /// The price.
    pub(crate) price_minor: Option<i64>,
    /// When it expires, in seconds since 1970.
    pub(crate) expires_s: i64,
}

impl Product {
    /// Stock and held minus stocked: 0 if the books balance.
    pub(crate) fn difference(&self) -> i64 {
        i64::from(self.stock) + self.held - self.stocked
    }

    /// Its `ETag`, without the quotes.
    pub(crate) fn tag(&self) -> String {
        format!("{}-{}", self.version, self.stock)
    }
}

impl Sources {
    /// The products, or one of them.
    ///
    /// # Errors
    /// If Postgres fails.
    pub(crate) async fn products(&self, id: Option<Uuid>) -> Result<Vec<Product>> {
        let rows =
            self.database.query(include_str!("../../sql/products.sql"), &[&id, &MOST]).await?;
        rows.iter().map(product).collect()
    }

    /// What DynamoDB holds of these products.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub(crate) async fn cached(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Cached>> {
        let env = self.env()?;
        let table = env.get("PRODUCT_CACHE_TABLE")?;
        let client = aws_sdk_dynamodb::Client::new(&self.aws.service("DYNAMODB").await);
        let mut found = HashMap::new();
        for some in ids.chunks(KEYS) {
            let mut keys = KeysAndAttributes::builder();
            for id in some {
                let key = AttributeValue::S(format!("product#{id}"));
                keys = keys.keys([("pk".to_owned(), key)].into());
            }
            let keys = keys.build().context(|| "Failed to name the items of the cache.")?;
            let answer = client.batch_get_item().request_items(table, keys).send().await;
            let answer = answer.context(|| "DynamoDB does not answer.")?;
            let items = answer.responses.unwrap_or_default().into_values().flatten();
            found.extend(items.filter_map(|item| cached(&item)));
        }
        Ok(found)
    }

    /// Sets price and stock of a product by `PUT /products/{id}`, as staff. `tag` is the `ETag` that the
    /// person saw.
    ///
    /// # Errors
    /// What the service refused, or that it does not answer.
    pub(crate) async fn put_product(
        &self,
        product: &Product,
        price_minor: i64,
        stock: i64,
        tag: &str,
    ) -> Result<()> {
        let env = self.env()?;
        let url = format!("{}/products/{}", env.get("API_URL")?, product.id);
        let body = json!({
            "name": product.name,
            "currency": product.currency,
            "price_minor": price_minor,
            "stock": stock,
            "active": product.active,
        });
        let request = self.http.put(url).bearer_auth(env.get("STAFF_TOKEN")?);
        let request = request.header(IF_MATCH, format!("\"{tag}\"")).json(&body);
        let answer = request.send().await.context(|| "The API does not answer.")?;
        if answer.status().is_success() {
            return Ok(());
        }
        let status = answer.status();
        let problem: Value = answer.json().await.unwrap_or_default();
        let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
        Err(Error::new(format!("{status}: {}. {}", text("title"), text("detail"))))
    }
}

fn product(row: &Row) -> Result<Product> {
    Ok(Product {
        id: column(row, "id")?,
        name: column(row, "name")?,
        currency: column(row, "currency")?,
        price_minor: column(row, "price_minor")?,
        stock: column(row, "stock")?,
        stock_buckets: column(row, "stock_buckets")?,
        stocked: column(row, "stocked")?,
        held: column(row, "held")?,
        active: column(row, "active")?,
        version: column(row, "version")?,
    })
}

fn cached(item: &HashMap<String, AttributeValue>) -> Option<(Uuid, Cached)> {
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
    let id = item.get("pk")?.as_s().ok()?.strip_prefix("product#")?.parse().ok()?;
    Some((
        id,
        Cached {
            version: number("version")?,
            stock: number("stock"),
            price_minor: number("price_minor"),
            expires_s: number("ttl")?,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_of_the_cache_is_read_and_another_is_not() {
        let id = Uuid::from_u128(7);
        let number = |value: &str| AttributeValue::N(value.to_owned());
        let mut item: HashMap<_, _> = [
            ("pk".to_owned(), AttributeValue::S(format!("product#{id}"))),
            ("version".to_owned(), number("3")),
            ("stock".to_owned(), number("12")),
            ("ttl".to_owned(), number("1771675200")),
        ]
        .into();
        let expected =
            Cached { version: 3, stock: Some(12), price_minor: None, expires_s: 1_771_675_200 };
        assert_eq!(cached(&item), Some((id, expected)));
        item.insert("pk".to_owned(), AttributeValue::S("another".to_owned()));
        assert_eq!(cached(&item), None);
    }
}
