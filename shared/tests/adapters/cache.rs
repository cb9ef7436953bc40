//! The DynamoDB tier of the product cache.

use std::collections::HashMap;

use tokio::net::TcpListener;
use waybill::app::{CacheProducts, Cached};
use waybill::cache::DynamoDbCache;
use waybill::domain::{Buckets, Currency, Money, Product, ProductId, Stock, Version};

use crate::support::{aws, aws_at, cache_table, product_cache};

fn product(version: i64) -> Product {
    Product {
        id: ProductId::from(uuid::Uuid::from_u128(7)),
        name: format!("version {version}"),
        price: Money::new(1450, Currency::parse("EUR").unwrap()).unwrap(),
        stock: Stock::new(3).unwrap(),
        buckets: Buckets::ONE,
        active: true,
        version: Version::new(version).unwrap(),
        updated_at: "2026-02-21T12:00:00.123456Z".parse().unwrap(),
    }
}

async fn cache() -> DynamoDbCache {
    let aws = aws().await;
    let table = cache_table(&aws).await;
    product_cache(&aws, table)
}

#[tokio::test]
async fn what_was_remembered_is_recalled_and_nothing_else() {
    let cache = cache().await;
    let (known, unknown) = (product(1), ProductId::from(uuid::Uuid::from_u128(8)));
    cache.remember(known.id, Cached::Found(known.clone())).await;
    assert_eq!(
        cache.recall(&[known.id, unknown]).await,
        HashMap::from([(known.id, Cached::Found(known))])
    );
    cache.remember(unknown, Cached::Missing).await;
    assert_eq!(cache.recall(&[unknown]).await, HashMap::from([(unknown, Cached::Missing)]));
}

#[tokio::test]
async fn a_late_fill_never_overwrites_a_newer_version() {
    let cache = cache().await;
    let id = product(1).id;
    let remembered = async || cache.recall(&[id]).await.remove(&id).unwrap();
    cache.remember(id, Cached::Missing).await;
    cache.remember(id, Cached::Found(product(2))).await;
    for late in [Cached::Found(product(1)), Cached::Missing] {
        cache.remember(id, late).await;
        assert_eq!(remembered().await, Cached::Found(product(2)));
    }
    cache.remember(id, Cached::Found(product(3))).await;
    assert_eq!(remembered().await, Cached::Found(product(3)));
}

#[tokio::test]
async fn a_hundred_products_are_recalled_at_once() {
    let cache = cache().await;
    let ids: Vec<_> = (1..=100).map(|n| ProductId::from(uuid::Uuid::from_u128(n))).collect();
    for &id in &ids {
        cache.remember(id, Cached::Missing).await;
    }
    assert_eq!(cache.recall(&ids).await.len(), 100);
}

#[tokio::test]
async fn a_cache_that_is_down_or_never_answers_knows_nothing_and_stops_nobody() {
    // The listener accepts connections and never answers.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = format!("http://{}", mute.local_addr().unwrap());
    for endpoint in [&mute, "http://127.0.0.1:9"] {
        let cache = product_cache(&aws_at(endpoint).await, "gone".to_owned());
        cache.remember(product(1).id, Cached::Found(product(1))).await;
        assert_eq!(cache.recall(&[product(1).id]).await, HashMap::new());
        assert!(cache.check().await.is_err());
    }
}
