//! EventBridge, for order events.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use e2e::{eventually, unique};
use serde_json::{Value, json};
use testkit::sdk::Queue;

use crate::endpoint::{Endpoint, Made, against_endpoint};

/// Creates a bus, and a queue that subscribes to matching events.
async fn bus(endpoint: &Endpoint, pattern: &Value) -> (String, Queue) {
    let queue = endpoint.queue(&[]).await;
    let (bus, rule) = (unique("conformance"), unique("rule"));
    endpoint.eventbridge.create_event_bus().name(&bus).send().await.unwrap();
    endpoint.made(Made::Bus(bus.clone()));
    endpoint.made(Made::Rule { bus: bus.clone(), rule: rule.clone() });
    queue.subscribe(&endpoint.eventbridge, &bus, &rule, pattern).await;
    (bus, queue)
}

fn entry(bus: &str, source: &str, name: &str, detail: &str) -> PutEventsRequestEntry {
    let entry = PutEventsRequestEntry::builder().event_bus_name(bus).source(source);
    entry.detail_type(name).detail(detail).build()
}

/// Waits until events with these names have arrived. Returns all that arrived.
async fn arrived(endpoint: &Endpoint, queue: &Queue, names: &[&str]) -> BTreeMap<String, Value> {
    let mut events = BTreeMap::new();
    eventually(&format!("{names:?} arrive"), async || {
        for message in endpoint.receive(queue).await {
            let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            events.insert(event["detail-type"].as_str().unwrap().to_owned(), event);
        }
        names.iter().all(|name| events.contains_key(*name)).then_some(())
    })
    .await;
    events
}

#[tokio::test]
async fn only_events_that_match_a_rule_reach_its_queue() {
    against_endpoint(async |endpoint| {
        let pattern = json!({ "source": ["waybill"], "detail-type": ["Placed", "Shipped"] });
        let (bus, queue) = bus(endpoint, &pattern).await;
        let detail = r#"{"v":1,"total_minor":1450,"items":[{"quantity":2}]}"#;
        let entries = [
            ("waybill", "Placed"),
            ("somebody-else", "Placed"),
            ("waybill", "Confirmed"),
            ("waybill", "Shipped"),
        ];
        let entries = entries.map(|(source, name)| entry(&bus, source, name, detail)).to_vec();
        let put = endpoint.eventbridge.put_events().set_entries(Some(entries)).send().await;
        assert_eq!(put.unwrap().failed_entry_count, 0);

        let events = arrived(endpoint, &queue, &["Placed", "Shipped"]).await;
        assert_eq!(events.keys().collect::<Vec<_>>(), ["Placed", "Shipped"]);
        for event in events.values() {
            assert_eq!(event["source"], "waybill");
            assert_eq!(event["detail"], serde_json::from_str::<Value>(detail).unwrap());
            for field in ["version", "id", "account", "time", "region"] {
                assert!(event[field].is_string(), "no {field} in {event}");
            }
        }
        eprintln!("of 4 events {} matched and arrived", events.len());
    })
    .await;
}

#[tokio::test]
async fn a_refused_event_is_reported_at_its_index_and_the_others_are_delivered() {
    against_endpoint(async |endpoint| {
        let (bus, queue) = bus(endpoint, &json!({ "source": ["waybill"] })).await;
        let entries = vec![
            entry(&bus, "waybill", "First", "{}"),
            // Invalid twice: the source is reserved for AWS, and the detail is not JSON.
            entry(&bus, "aws.waybill", "Refused", "{"),
            entry(&bus, "waybill", "Last", "{}"),
        ];
        let put = endpoint.eventbridge.put_events().set_entries(Some(entries)).send().await;
        let put = put.unwrap();
        let refused: Vec<_> = put.entries().iter().map(|it| it.error_code().is_some()).collect();
        assert_eq!(refused, [false, true, false], "{put:?}");
        assert_eq!(put.failed_entry_count, 1);
        let events = arrived(endpoint, &queue, &["First", "Last"]).await;
        assert_eq!(events.len(), 2, "{events:?}");
        eprintln!("of 3 events 1 was refused: {:?}", put.entries()[1].error_code());
    })
    .await;
}
