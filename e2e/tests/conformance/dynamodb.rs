//! DynamoDB, for the product cache.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, PutRequest, TimeToLiveSpecification, TimeToLiveStatus,
    WriteRequest,
};
use e2e::eventually;

use crate::endpoint::{Endpoint, against_endpoint};

fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

async fn version(endpoint: &Endpoint, table: &str) -> AttributeValue {
    let call = endpoint.dynamodb.get_item().table_name(table).key("pk", text(&"product#1"));
    let item = call.consistent_read(true).send().await.unwrap().item.unwrap();
    item["version"].clone()
}

#[tokio::test]
async fn a_conditional_write_that_fails_keeps_the_old_item() {
    against_endpoint(async |endpoint| {
        let table = endpoint.table().await;
        let put = async |new: i64| {
            let call = endpoint.dynamodb.put_item().table_name(&table);
            let call = call.item("pk", text(&"product#1")).item("version", number(new));
            call.condition_expression("attribute_not_exists(pk) OR version <= :version")
                .expression_attribute_values(":version", number(new))
                .send()
                .await
        };
        put(2).await.unwrap();
        let refused = put(1).await.unwrap_err().into_service_error();
        assert!(refused.is_conditional_check_failed_exception(), "{refused:?}");
        assert_eq!(version(endpoint, &table).await, number(2));
        for newer in [2, 3] {
            put(newer).await.unwrap();
            assert_eq!(version(endpoint, &table).await, number(newer));
        }
    })
    .await;
}

#[tokio::test]
async fn a_batch_read_of_a_hundred_keys_returns_the_items_that_exist() {
    against_endpoint(async |endpoint| {
        let table = endpoint.table().await;
        for chunk in (0..60).collect::<Vec<_>>().chunks(25) {
            let write = |n: &i64| {
                let item = PutRequest::builder().item("pk", text(n)).item("ttl", number(*n));
                WriteRequest::builder().put_request(item.build().unwrap()).build()
            };
            let call = endpoint.dynamodb.batch_write_item();
            let call = call.request_items(&table, chunk.iter().map(write).collect());
            let written = call.send().await.unwrap();
            assert!(written.unprocessed_items.is_none_or(|items| items.is_empty()));
        }
        let read = async |count: i64| {
            let keys = (0..count).map(|n| HashMap::from([("pk".to_owned(), text(&n))]));
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(keys.collect()))
                .consistent_read(true)
                .build()
                .unwrap();
            endpoint.dynamodb.batch_get_item().request_items(&table, keys).send().await
        };
        let answer = read(100).await.unwrap();
        assert!(answer.unprocessed_keys().is_none_or(HashMap::is_empty), "{answer:?}");
        let items = &answer.responses.unwrap()[&table];
        let found: BTreeSet<_> =
            items.iter().map(|item| item["pk"].as_s().unwrap().clone()).collect();
        assert_eq!(found, (0..60).map(|n| n.to_string()).collect());
        assert_eq!(items.len(), 60);
        assert!(read(101).await.is_err(), "more than a hundred keys");
        eprintln!("asked for 100 items, {} are there", items.len());
    })
    .await;
}

#[tokio::test]
async fn the_time_to_live_can_be_set_and_is_described() {
    against_endpoint(async |endpoint| {
        let table = endpoint.table().await;
        let specification =
            TimeToLiveSpecification::builder().attribute_name("ttl").enabled(true).build();
        let call = endpoint.dynamodb.update_time_to_live().table_name(&table);
        call.time_to_live_specification(specification.unwrap()).send().await.unwrap();
        let told = eventually("the time to live is described", async || {
            let call = endpoint.dynamodb.describe_time_to_live().table_name(&table);
            let told = call.send().await.unwrap().time_to_live_description?;
            let status = told.time_to_live_status()?;
            let on = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling].contains(status);
            on.then_some(told)
        })
        .await;
        assert_eq!(told.attribute_name(), Some("ttl"));
    })
    .await;
}
