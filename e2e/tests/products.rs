//! Products, and the product cache.
#![expect(clippy::unwrap_used, reason = "what goes wrong in here is a test that fails")]

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{Stack, order_for};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

type Item = HashMap<String, AttributeValue>;

fn key(product: Uuid) -> AttributeValue {
    AttributeValue::S(format!("product#{product}"))
}

fn number(item: &Item, name: &str) -> i64 {
    item[name].as_n().unwrap().parse().unwrap()
}

async fn cached(stack: &Stack, product: Uuid) -> Option<Item> {
    let read = stack.dynamodb.get_item().table_name(&stack.environment.product_cache_table);
    read.key("pk", key(product)).consistent_read(true).send().await.unwrap().item
}

/// Puts a newer version of the product into the cache, at 99.99.
async fn plant(stack: &Stack, product: Uuid, expires_in_seconds: i64) {
    let number = |value: i64| AttributeValue::N(value.to_string());
    let text = |value: &str| AttributeValue::S(value.to_owned());
    stack
        .dynamodb
        .put_item()
        .table_name(&stack.environment.product_cache_table)
        .item("pk", key(product))
        .item("ttl", number(Timestamp::now().as_second() + expires_in_seconds))
        .item("version", number(7))
        .item("name", text("Planted"))
        .item("currency", text("EUR"))
        .item("price_minor", number(9999))
        .item("stock", number(1))
        .item("active", AttributeValue::Bool(true))
        .item("updated_at", text("2026-02-21T12:00:00Z"))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_product_is_shown_as_the_database_has_it() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(4).await;
    let answer = stack.get(&format!("/products/{product}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut body = answer.body;
    let updated_at: Timestamp = body["updated_at"].take().as_str().unwrap().parse().unwrap();
    assert!(updated_at <= Timestamp::now());
    assert_eq!(
        body,
        json!({ "id": product, "name": format!("Test product {product}"), "currency": "EUR",
                "price_minor": 1250, "stock": 4, "active": true, "version": 1, "updated_at": null })
    );
}

#[tokio::test]
async fn a_product_that_does_not_exist_is_not_found() {
    let stack = Stack::connect().await;
    let product = Uuid::now_v7();
    for _ in 0..2 {
        stack.get(&format!("/products/{product}")).await.assert_problem(404, "product-not-found");
    }
}

#[tokio::test]
async fn reading_a_product_caches_it_for_five_minutes() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(4).await;
    assert!(cached(&stack, product).await.is_none());

    let before = Timestamp::now().as_second();
    stack.get(&format!("/products/{product}")).await;
    let after = Timestamp::now().as_second();

    let item = cached(&stack, product).await.unwrap();
    assert!((before + 300..=after + 300).contains(&number(&item, "ttl")), "{item:?}");
    assert_eq!((number(&item, "price_minor"), number(&item, "version")), (1250, 1));
}

#[tokio::test]
async fn the_absence_of_a_product_is_cached_for_a_shorter_time() {
    let stack = Stack::connect().await;
    let product = Uuid::now_v7();
    stack.get(&format!("/products/{product}")).await;
    let item = cached(&stack, product).await.unwrap();
    let left = number(&item, "ttl") - Timestamp::now().as_second();
    assert!((1..=60).contains(&left), "{item:?}");
}

/// The product exists only in the table.
#[tokio::test]
async fn a_cached_product_is_served_without_the_database() {
    let stack = Stack::connect().await;
    let product = Uuid::now_v7();
    plant(&stack, product, 300).await;
    let answer = stack.get(&format!("/products/{product}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((answer.text("/name"), &answer.body["price_minor"]), ("Planted", &json!(9999)));
}

/// DynamoDB deletes expired items only within days.
#[tokio::test]
async fn an_expired_product_is_not_served_and_is_replaced() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(4).await;
    plant(&stack, product, -1).await;
    let answer = stack.get(&format!("/products/{product}")).await;
    assert_eq!(answer.body["price_minor"], 1250, "{answer:?}");
    assert_eq!(number(&cached(&stack, product).await.unwrap(), "price_minor"), 1250);
}

#[tokio::test]
async fn the_cache_decides_neither_price_nor_stock() {
    let stack = Stack::connect().await;
    let product = stack.stock_product(4).await;
    plant(&stack, product, 300).await;
    // In the cache, one piece at 99.99.
    let placed = stack.place(&[(product, 3)]).await;
    assert_eq!(placed["total_minor"], 3 * 1250);
    assert_eq!(stack.stock_of(product).await, 1);
}

#[tokio::test]
async fn a_product_that_only_the_cache_knows_can_not_be_ordered() {
    let stack = Stack::connect().await;
    let product = Uuid::now_v7();
    plant(&stack, product, 300).await;
    stack.post_order(&order_for(&[(product, 1)])).await.assert_problem(404, "unknown-product");
    assert_eq!(stack.orders_with(product).await, 0);
}

#[tokio::test]
async fn products_are_listed_in_id_order_up_to_a_limit() {
    let stack = Stack::connect().await;
    for _ in 0..2 {
        stack.stock_product(1).await;
    }
    let answer = stack.get("/products?limit=2").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let ids: Vec<_> =
        answer.body["products"].as_array().unwrap().iter().map(|it| it["id"].to_string()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.is_sorted());
}
