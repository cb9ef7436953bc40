//! Events, checked against the schemas in `docs/events/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::{Value, json};
use waybill::app::{
    ChangeOrders, ConfirmOrders, Context, Event, FulfillmentJob, KeepOutbox, PlaceOrders, Placement,
};
use waybill::domain::{OrderId, Status, Visible};

use crate::support::{TestDatabase, context, order};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The names of the five events.
fn names() -> BTreeSet<String> {
    Status::ALL.map(|status| status.event().to_owned()).into()
}

fn folder(below: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events")).join(below)
}

fn read(file: &str) -> Value {
    serde_json::from_slice(&fs::read(folder(file)).unwrap()).unwrap()
}

/// The schema as subscribers use it: other fields are allowed.
fn open(name: &str) -> Value {
    read(&format!("{name}.schema.json"))
}

/// The schema as the service must follow it: no other fields.
fn closed(name: &str) -> Value {
    fn close(schema: &mut Value) {
        if schema["type"] == "object" {
            schema["additionalProperties"] = false.into();
        }
        match schema {
            Value::Object(members) => members.values_mut().for_each(close),
            Value::Array(members) => members.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut schema = open(name);
    close(&mut schema);
    schema
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(schema).unwrap()
}

fn violations(validator: &Validator, detail: &Value) -> Vec<String> {
    validator.iter_errors(detail).map(|error| error.to_string()).collect()
}

/// The names of the files in a folder, without `ending`.
fn files(below: &str, ending: &str) -> BTreeSet<String> {
    fs::read_dir(folder(below))
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().to_str()?.strip_suffix(ending).map(Into::into))
        .collect()
}

#[test]
fn every_event_has_a_schema_and_a_sample_and_there_are_no_others() {
    assert_eq!(files("", ".schema.json"), names());
    assert_eq!(files("samples", ".json"), names());
}

#[test]
fn samples_are_what_their_schemas_say() {
    for name in names() {
        let (schema, sample) = (open(&name), read(&format!("samples/{name}.json")));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{name}");
        assert_eq!((&schema["title"], &sample["detail-type"]), (&json!(name), &json!(name)));
        assert_eq!(sample["source"], "waybill");
        let none: &[&str] = &[];
        assert_eq!(violations(&validator(&closed(&name)), &sample["detail"]), none, "{name}");
    }
}

#[test]
fn a_schema_misses_what_is_not_there_and_only_the_strict_one_minds_what_is_new() {
    for name in names() {
        let (open, closed) = (validator(&open(&name)), validator(&closed(&name)));
        let sample = read(&format!("samples/{name}.json"))["detail"].take();
        for object in ["", "/items/0"] {
            let Some(fields) = sample.pointer(object).and_then(Value::as_object) else { continue };
            for field in fields.keys() {
                let mut wrong = sample.clone();
                wrong.pointer_mut(object).unwrap()[field] = Value::Null;
                assert!(!open.is_valid(&wrong), "{name} with {field} null");
                let fields = wrong.pointer_mut(object).unwrap().as_object_mut().unwrap();
                fields.remove(field);
                let is_optional = field == "traceparent";
                assert_eq!(open.is_valid(&wrong), is_optional, "{name} without {field}");
            }
            let mut newer = sample.clone();
            newer.pointer_mut(object).unwrap()["of_tomorrow"] = json!(1);
            assert!(open.is_valid(&newer), "{name}");
            assert!(!closed.is_valid(&newer), "{name}");
        }
    }
}

/// Makes every transition, in a session with a time zone far from UTC, and checks what a relay
/// would send.
#[tokio::test]
async fn every_event_that_leaves_the_database_is_what_its_schema_says() {
    let test = TestDatabase::new().await;
    let elsewhere = "DO $$ BEGIN EXECUTE format(
        'ALTER DATABASE %I SET timezone = ''Asia/Kathmandu''', current_database()); END $$";
    test.sql.batch_execute(elsewhere).await.unwrap();
    let database = test.connect().await;
    let (mug, pan) = (test.product("EUR", 1450, 10).await, test.product("EUR", 0, 10).await);

    let mut expected = BTreeSet::new();
    for way in [
        &[Status::Confirmed, Status::Shipped, Status::Delivered][..],
        &[Status::Cancelled],
        &[Status::Confirmed, Status::Cancelled],
    ] {
        let wanted = order(&[(pan, 1), (mug, 2)]);
        // One of the three has a trace.
        let traceparent = (way.len() == 3).then(|| TRACE.to_owned());
        let context = Context { traceparent, ..context() };
        let placed = database.place(OrderId::generate(), &wanted, None, &context).await.unwrap();
        let Placement::Placed(order) = placed else { panic!("{placed:?}") };
        let mut tell = |status: Status, correlation_id: &str| {
            let id = order.summary.id.to_string();
            expected.insert((id, status.event().to_owned(), correlation_id.to_owned()));
        };
        tell(Status::Pending, context.correlation_id.as_str());
        for &status in way {
            let context =
                Context { traceparent: context.traceparent.clone(), ..crate::support::context() };
            tell(status, context.correlation_id.as_str());
            // The job confirms one of the orders, staff the other.
            if status == Status::Confirmed && way.contains(&Status::Shipped) {
                let job = FulfillmentJob::new(&order, &context);
                database.confirm(&[job]).await.unwrap();
            } else {
                let id = order.summary.id;
                let change = database.change(Visible::All, id, status, None, &context).await;
                assert!(change.unwrap().unwrap().made);
            }
        }
    }

    let events = database.claim_events(100).await.unwrap();
    let (mut counts, mut seen, mut traced) = (BTreeMap::new(), BTreeSet::new(), 0);
    for event in events {
        let Event(name) = event.kind;
        let detail: Value = serde_json::from_str(&event.body).unwrap();
        let none: &[&str] = &[];
        assert_eq!(violations(&validator(&closed(&name)), &detail), none, "{name}: {detail}");
        assert_eq!(detail["correlation_id"], event.correlation_id);
        assert_eq!(detail.get("traceparent").and_then(Value::as_str), event.traceparent.as_deref());
        traced += usize::from(event.traceparent.as_deref() == Some(TRACE));
        let at: jiff::Timestamp = detail["at"].as_str().unwrap().parse().unwrap();
        assert!((jiff::Timestamp::now() - at).get_seconds().abs() < 60, "{detail}");
        if name == "OrderPlaced" {
            assert_eq!(detail["total_minor"], 2900);
            assert_eq!(detail["items"][1]["unit_price_minor"], 1450);
        }
        *counts.entry(name.clone()).or_insert(0) += 1;
        let id = detail["order_id"].as_str().unwrap().to_owned();
        assert!(seen.insert((id, name, event.correlation_id)), "one order, one event, twice");
    }
    eprintln!("3 orders: {counts:?}, each as its schema says");
    assert_eq!(seen, expected);
    assert_eq!(traced, 4, "each event of the traced order has its trace");
    assert_eq!(counts.into_keys().collect::<BTreeSet<_>>(), names());
}
