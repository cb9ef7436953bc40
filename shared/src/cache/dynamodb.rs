//! The far tier of the cache: a DynamoDB table that all processes share.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_dynamodb::{Client, Config};
use jiff::Timestamp;
use uuid::Uuid;

use crate::app::{CacheProducts, Cached};
use crate::aws::{CallError, Limits};
use crate::domain::{Buckets, Currency, Money, Product, ProductId, Stock, Version};
use crate::metrics::{Metric, count};
use crate::{BoxError, trace};

/// How long a product is cached after it was read from Postgres.
const PRODUCT_LIFETIME: Duration = Duration::from_mins(5);

/// How long a missing product is cached.
const MISSING_LIFETIME: Duration = Duration::from_secs(30);

/// The version of a missing product: below every version.
const MISSING: i64 = 0;

/// DynamoDB takes a few milliseconds; after this, reading from Postgres is faster.
const LIMITS: Limits =
    Limits { tries: 1, one_try: Duration::from_millis(200), in_all: Duration::from_millis(200) };

type Item = HashMap<String, AttributeValue>;

/// The settings of the client of the cache.
#[must_use]
pub fn settings(aws: &SdkConfig) -> Config {
    Builder::from(aws).retry_config(LIMITS.retries()).timeout_config(LIMITS.timeouts()).build()
}

/// Products in a table with the key `pk` and the time to live `ttl`.
#[derive(Clone)]
pub struct DynamoDbCache {
    client: Client,
    table: String,
}

impl DynamoDbCache {
    /// Uses `table`. Makes no call yet.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The same. Makes one call in the background and ignores its result, so that the first request
    /// finds the connection open.
    #[must_use]
    pub fn connect(client: Client, table: String) -> Self {
        let cache = Self::new(client, table);
        let first = cache.clone();
        tokio::spawn(async move { first.recall(&[ProductId::from(Uuid::nil())]).await });
        cache
    }

    /// Checks that the table can be read.
    ///
    /// # Errors
    /// The error of DynamoDB or of the connection.
    pub async fn check(&self) -> Result<(), BoxError> {
        self.read(&[ProductId::from(Uuid::nil())]).await?;
        Ok(())
    }

    async fn read(&self, ids: &[ProductId]) -> Result<Vec<Item>, BoxError> {
        let key = |id: &ProductId| HashMap::from([("pk".to_owned(), text(key(*id)))]);
        let keys = KeysAndAttributes::builder().set_keys(Some(ids.iter().map(key).collect()));
        let call = self.client.batch_get_item().request_items(&self.table, keys.build()?);
        let answer = self.traced("BatchGetItem", LIMITS.in_time(call.send())).await?;
        Ok(answer.responses.unwrap_or_default().into_values().flatten().collect())
    }

    /// The answer to a call, with its span.
    async fn traced<T, E: ProvideErrorMetadata>(
        &self,
        operation: &str,
        call: impl Future<Output = Result<T, CallError<E>>>,
    ) -> Result<T, CallError<E>> {
        let span = trace::dynamodb(operation, &self.table);
        call.await.inspect_err(|error| span.fail(error.kind()))
    }
}

impl CacheProducts for DynamoDbCache {
    async fn recall(&self, ids: &[ProductId]) -> HashMap<ProductId, Cached> {
        let known: HashMap<_, _> = match self.read(ids).await {
            Ok(items) => {
                let now = Timestamp::now();
                items.iter().filter_map(|item| decode(item, now)).collect()
            }
            Err(error) => {
                let error = crate::error::chain(&*error);
                tracing::warn!(error, "failed to read the product cache");
                count(Metric::Errors, 1);
                HashMap::new()
            }
        };
        count(Metric::DynamoDbHits, known.len());
        count(Metric::Misses, ids.len().saturating_sub(known.len()));
        known
    }

    async fn remember(&self, id: ProductId, cached: Cached) {
        let now = Timestamp::now();
        let call = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(id, &cached, now)))
            // Keeps a newer version in place.
            .condition_expression("attribute_not_exists(pk) OR version <= :version OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":version", version(&cached))
            .expression_attribute_values(":now", number(now.as_second()));
        match self.traced("PutItem", LIMITS.in_time(call.send())).await {
            Ok(_) => {}
            Err(error) if error.kind() == "ConditionalCheckFailedException" => {}
            Err(error) => {
                let error = crate::error::chain(&error);
                tracing::warn!(error, "failed to write to the product cache");
                count(Metric::Errors, 1);
            }
        }
    }
}

fn key(id: ProductId) -> String {
    format!("product#{id}")
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

fn version(cached: &Cached) -> AttributeValue {
    number(cached.version().map_or(MISSING, Version::get))
}

fn encode(id: ProductId, cached: &Cached, now: Timestamp) -> Item {
    let lifetime = match cached {
        Cached::Found(_) => PRODUCT_LIFETIME,
        Cached::Missing => MISSING_LIFETIME,
    };
    let expires = now.as_second().saturating_add_unsigned(lifetime.as_secs());
    let mut item = Item::new();
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    put("pk", text(key(id)));
    put("ttl", number(expires));
    put("version", version(cached));
    if let Cached::Found(product) = cached {
        put("name", text(&product.name));
        put("currency", text(product.price.currency().as_str()));
        put("price_minor", number(product.price.minor()));
        put("stock", number(product.stock.get()));
        // None means one, as in items of older code.
        if product.buckets != Buckets::ONE {
            put("stock_buckets", number(product.buckets.get()));
        }
        put("active", AttributeValue::Bool(product.active));
        put("updated_at", text(product.updated_at.to_string()));
    }
    item
}

/// Reads an item. One that has expired or is malformed counts as a miss: DynamoDB deletes expired
/// items within days, not at once.
fn decode(item: &Item, now: Timestamp) -> Option<(ProductId, Cached)> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let integer = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
    let id = ProductId::parse(text("pk")?.strip_prefix("product#")?).ok()?;
    if integer("ttl")? <= now.as_second() {
        return None;
    }
    let version = integer("version")?;
    if version == MISSING {
        return Some((id, Cached::Missing));
    }
    let currency = Currency::parse(text("currency")?).ok()?;
    let buckets = match item.get("stock_buckets") {
        None => Buckets::ONE,
        Some(_) => Buckets::new(integer("stock_buckets")?.try_into().ok()?)?,
    };
    let product = Product {
        id,
        name: text("name")?.to_owned(),
        price: Money::new(integer("price_minor")?, currency).ok()?,
        stock: Stock::new(integer("stock")?.try_into().ok()?)?,
        buckets,
        active: *item.get("active")?.as_bool().ok()?,
        version: Version::new(version)?,
        updated_at: text("updated_at")?.parse().ok()?,
    };
    Some((id, Cached::Found(product)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product() -> Product {
        Product {
            id: ProductId::from(uuid::Uuid::from_u128(7)),
            name: "Enamel mug".to_owned(),
            price: Money::new(1450, Currency::parse("EUR").unwrap()).unwrap(),
            stock: Stock::new(12).unwrap(),
            buckets: Buckets::ONE,
            active: true,
            version: Version::new(3).unwrap(),
            updated_at: "2026-02-21T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_product_and_its_absence_survive_the_table() {
        let now = Timestamp::now();
        let bucketed = Product { buckets: Buckets::MAX, ..product() };
        for cached in [Cached::Found(product()), Cached::Found(bucketed), Cached::Missing] {
            let item = encode(product().id, &cached, now);
            assert_eq!(decode(&item, now), Some((product().id, cached)));
        }
    }

    #[test]
    fn an_expired_item_is_not_served_though_it_is_still_there() {
        let now = Timestamp::now();
        let item = encode(product().id, &Cached::Found(product()), now);
        let lifetime = jiff::SignedDuration::try_from(PRODUCT_LIFETIME).unwrap();
        let second = jiff::SignedDuration::from_secs(1);
        assert!(decode(&item, now + lifetime - second).is_some());
        assert!(decode(&item, now + lifetime).is_none());
    }

    #[test]
    fn an_item_that_makes_no_sense_is_as_good_as_none() {
        let now = Timestamp::now();
        let whole = encode(product().id, &Cached::Found(product()), now);
        for attribute in whole.keys() {
            let mut item = whole.clone();
            item.insert(attribute.clone(), text("?"));
            // Any text is a valid name.
            assert_eq!(decode(&item, now).is_some(), attribute == "name", "{attribute}");
            item.remove(attribute);
            assert!(decode(&item, now).is_none(), "without {attribute}");
        }
    }
}
