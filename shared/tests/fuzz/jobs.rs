//! Batches of arbitrary messages.

use std::collections::BTreeSet;
use std::time::Duration;

use lambda_runtime::{Context, LambdaEvent};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use uuid::Uuid;
use waybill::app::{Backoff, FulfillmentJob, NoWarehouse};
use waybill::lambda;

use crate::cases;
use crate::functions::fulfill_order::{Events, fulfill_orders};
use crate::shop::Shop;

/// The body of a message, and whether it is a job of this version.
#[derive(Clone, Debug)]
struct Said {
    body: String,
    is_job: bool,
}

fn job(order: u128) -> Value {
    json!({
        "v": 1,
        "order_id": Uuid::from_u128(order),
        "number": "ORD-20260221-6BA0A415",
        "items": [{ "product_id": Uuid::nil(), "quantity": 1 }],
        "correlation_id": "a",
        "traceparent": null,
        "placed_at": "2026-02-21T12:00:00Z",
    })
}

const FIELDS: [&str; 8] =
    ["v", "order_id", "number", "items", "correlation_id", "traceparent", "placed_at", "new"];

fn said() -> impl Strategy<Value = Said> {
    let value = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,20}".prop_map(|text| json!(text)),
        "[0-9T:.Z+-]{0,30}".prop_map(|text| json!(text)),
        Just(json!([])),
        Just(json!({ "product_id": "?", "quantity": 1e300 })),
    ];
    let text = prop_oneof![
        4 => any::<u128>().prop_map(|order| job(order).to_string()),
        // A field is changed or removed.
        4 => (any::<u128>(), select(&FIELDS[..]), option::of(value)).prop_map(
            |(order, field, value)| {
                let mut job = job(order);
                match value {
                    Some(value) => job[field] = value,
                    None => _ = job.as_object_mut().unwrap().remove(field),
                }
                job.to_string()
            }
        ),
        // A part is removed or replaced.
        3 => (any::<u128>(), any::<Index>(), any::<Index>(), "\\PC{0,4}").prop_map(
            |(order, from, to, piece)| {
                let mut text = job(order).to_string();
                let (from, to) = (from.index(text.len()), to.index(text.len()));
                text.replace_range(from.min(to)..from.max(to), &piece);
                text
            }
        ),
        1 => (select(&["[", "{\"v\":", "\"", "9"][..]), 1_usize..20_000)
            .prop_map(|(piece, times)| piece.repeat(times)),
        1 => ".{0,200}",
    ];
    text.prop_map(|body| Said { is_job: FulfillmentJob::parse(&body).is_ok(), body })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn of_any_batch_exactly_what_is_no_job_fails(
        batch in vec(option::weighted(0.95, said()), 0..11), mood in any::<u8>(),
    ) {
        let records: Vec<_> = batch
            .iter()
            .enumerate()
            .map(|(index, said)| {
                let mut record = json!({
                    "messageId": index.to_string(),
                    "receiptHandle": "handle",
                    "attributes": { "ApproximateReceiveCount": "1" },
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:jobs",
                    "awsRegion": "eu-central-1",
                });
                if let Some(said) = said {
                    record["body"] = json!(said.body);
                }
                record
            })
            .collect();
        let event = json!({ "Records": records }).to_string();
        let event = LambdaEvent::new(serde_json::from_str(&event).unwrap(), Context::default());
        let shop = Shop { mood };
        let backoff = Backoff { min: Duration::from_secs(1), max: Duration::from_secs(1) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

        let events = Events {
            outbox: lambda::keep(shop),
            bus: lambda::keep(shop),
            backoff,
        };
        let answer = runtime.block_on(fulfill_orders(event, &shop, &NoWarehouse, &events));
        let failed: BTreeSet<_> = answer
            .unwrap()
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        let expected: BTreeSet<_> = batch
            .iter()
            .enumerate()
            .filter(|(_, said)| said.as_ref().is_none_or(|said| !said.is_job))
            .map(|(index, _)| index.to_string())
            .collect();
        prop_assert_eq!(failed, expected);
    }
}
