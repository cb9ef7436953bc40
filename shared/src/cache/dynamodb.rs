//! The far tier of the cache: a DynamoDB table that all processes share.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::Timestamp;

use crate::app::ports::{CacheProducts, Cached};
use crate::domain::{Currency, Money, Product, ProductId};
use crate::metrics::{Metric, count};

/// How long a product is cached after it was read from Postgres.
const PRODUCT_LIFETIME: Duration = Duration::from_mins(5);

/// How long a missing product is cached.
const MISSING_LIFETIME: Duration = Duration::from_secs(30);

/// The timeout of a call. DynamoDB takes a few milliseconds; after this, reading from Postgres is
/// faster.
const CALL_TIMEOUT: Duration = Duration::from_millis(200);

type Item = HashMap<String, AttributeValue>;

/// Products in a table with the key `pk` and the time to live `ttl`.
pub struct DynamoDbCache {
    client: Client,
    table: String,
}

impl DynamoDbCache {
    /// Uses `table`. Makes one call at once and ignores its result, so that the first request finds
    /// the connection open.
    pub async fn connect(config: &SdkConfig, table: String) -> Self {
        let config = aws_sdk_dynamodb::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).build())
            .build();
        let cache = Self { client: Client::from_conf(config), table };
        cache.recall(&[ProductId::from(uuid::Uuid::nil())]).await;
        cache
    }

    /// Checks that the table can be read.
    ///
    /// # Errors
    /// The error of DynamoDB or of the connection.
    pub async fn check(&self) -> Result<(), crate::BoxError> {
        self.read(&[ProductId::from(uuid::Uuid::nil())]).await.map(drop)
    }

    async fn read(&self, ids: &[ProductId]) -> Result<Vec<Item>, crate::BoxError> {
        let keys = ids
            .iter()
            .map(|id| HashMap::from([("pk".to_owned(), AttributeValue::S(key(*id)))]))
            .collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).build()?;
        let answer = self.client.batch_get_item().request_items(&self.table, keys).send().await?;
        Ok(answer.responses.unwrap_or_default().into_values().flatten().collect())
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
                tracing::warn!(
                    error = %DisplayErrorContext(&*error),
                    "failed to read the product cache"
                );
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
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(id, &cached, now)))
            // Keeps a newer version in place.
            .condition_expression("attribute_not_exists(pk) OR version <= :version OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":version", number(cached.version()))
            .expression_attribute_values(":now", number(now.as_second()))
            .send()
            .await;
        match written {
            Ok(_) => {}
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) => {}
            Err(error) => {
                tracing::warn!(
                    error = %DisplayErrorContext(&error),
                    "failed to write to the product cache"
                );
                count(Metric::Errors, 1);
            }
        }
    }
}

fn key(id: ProductId) -> String {
    format!("product#{id}")
}

fn number(value: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

fn encode(id: ProductId, cached: &Cached, now: Timestamp) -> Item {
    let lifetime = match cached {
        Cached::Found(_) => PRODUCT_LIFETIME,
        Cached::Missing => MISSING_LIFETIME,
    };
    let expires = now.as_second().saturating_add_unsigned(lifetime.as_secs());
    let mut item = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key(id))),
        ("ttl".to_owned(), number(expires)),
        ("version".to_owned(), number(cached.version())),
    ]);
    if let Cached::Found(product) = cached {
        item.extend([
            ("name".to_owned(), AttributeValue::S(product.name.clone())),
            ("currency".to_owned(), AttributeValue::S(product.price.currency.as_str().to_owned())),
            ("price_minor".to_owned(), number(product.price.minor)),
            ("stock".to_owned(), number(product.stock)),
            ("active".to_owned(), AttributeValue::Bool(product.active)),
            ("updated_at".to_owned(), AttributeValue::S(product.updated_at.to_string())),
        ]);
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
    if version == Cached::Missing.version() {
        return Some((id, Cached::Missing));
    }
    let currency = Currency::parse(text("currency")?).ok()?;
    let product = Product {
        id,
        name: text("name")?.clone(),
        price: Money { minor: integer("price_minor")?, currency },
        stock: integer("stock")?.try_into().ok()?,
        active: *item.get("active")?.as_bool().ok()?,
        version,
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
            price: Money { minor: 1450, currency: Currency::parse("EUR").unwrap() },
            stock: 12,
            active: true,
            version: 3,
            updated_at: "2026-02-21T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_product_and_its_absence_survive_the_table() {
        let now = Timestamp::now();
        for cached in [Cached::Found(product()), Cached::Missing] {
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
            item.insert(attribute.clone(), AttributeValue::S("?".to_owned()));
            // Any text is a valid name.
            assert_eq!(decode(&item, now).is_some(), attribute == "name", "{attribute}");
            item.remove(attribute);
            assert!(decode(&item, now).is_none(), "without {attribute}");
        }
    }
}
