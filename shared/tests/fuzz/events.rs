//! Batches of arbitrary events.

use std::collections::BTreeSet;

use lambda_runtime::{Context, LambdaEvent};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::app::{OrderEvent, Recipient};
use waybill::domain::Status;

use crate::cases;
use crate::functions::notify_customer::notify_customers;
use crate::shop::Shop;

fn event(order: u128, status: Status) -> Value {
    json!({
        "version": "0",
        "id": "6a7e8b1c-51f0-4f0e-9a35-8d8a3d1f5f05",
        "detail-type": status.event(),
        "source": "waybill",
        "detail": { "v": 1, "order_id": Uuid::from_u128(order), "correlation_id": "a" },
    })
}

const FIELDS: [&str; 6] = [
    "/detail",
    "/detail/v",
    "/detail/order_id",
    "/detail/correlation_id",
    "/detail-type",
    "/version",
];

/// A few orders, so that some events are the same.
fn order() -> impl Strategy<Value = (u128, Status)> {
    (0..3_u128, select(&Status::ALL[..]))
}

fn body() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|number| json!(number)),
        "\\PC{0,20}".prop_map(|text| json!(text)),
        Just(json!([])),
        Just(json!({ "v": 1 })),
    ];
    prop_oneof![
        4 => order().prop_map(|(order, status)| event(order, status).to_string()),
        4 => (order(), select(&FIELDS[..]), value).prop_map(|((order, status), field, value)| {
            let mut event = event(order, status);
            *event.pointer_mut(field).unwrap() = value;
            event.to_string()
        }),
        3 => (order(), any::<Index>(), any::<Index>(), "\\PC{0,4}").prop_map(
            |((order, status), from, to, piece)| {
                let mut text = event(order, status).to_string();
                let (from, to) = (from.index(text.len()), to.index(text.len()));
                text.replace_range(from.min(to)..from.max(to), &piece);
                text
            }
        ),
        1 => (select(&["[", "{\"detail\":", "\"", "9"][..]), 1_usize..20_000)
            .prop_map(|(piece, times)| piece.repeat(times)),
        1 => ".{0,200}",
    ]
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn of_any_batch_exactly_what_is_no_event_fails(
        batch in vec(option::weighted(0.95, body()), 0..11), mood in any::<u8>(),
    ) {
        let record = |(index, body): (usize, &Option<String>)| {
            let mut record = json!({ "messageId": index.to_string(), "eventSource": "aws:sqs" });
            if let Some(body) = body {
                record["body"] = json!(body);
            }
            record
        };
        let records: Vec<_> = batch.iter().enumerate().map(record).collect();
        let event = json!({ "Records": records }).to_string();
        let event = LambdaEvent::new(serde_json::from_str(&event).unwrap(), Context::default());
        let shop = Shop { mood };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let work = notify_customers(event, &shop, &shop, &shop, Recipient::Ordered);
        let failed: BTreeSet<_> = runtime
            .block_on(work)
            .unwrap()
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        let is_event = |body: &Option<String>| {
            body.as_ref().is_some_and(|body| OrderEvent::parse(body).is_ok())
        };
        let expected: BTreeSet<_> = batch
            .iter()
            .enumerate()
            .filter(|(_, body)| !is_event(body))
            .map(|(index, _)| index.to_string())
            .collect();
        prop_assert_eq!(failed, expected);
    }
}
