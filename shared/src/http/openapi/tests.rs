//! Compares the description with the routes, and its schemas with examples and readers.

use serde_json::{Value, json};

use super::*;
use crate::http::read::{read_new_order, read_new_product, read_new_status, read_no_fields};
use crate::http::routes;

fn whole() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// A validator of the schema of this name.
fn validator(name: &str) -> jsonschema::Validator {
    let mut schema = whole();
    schema["$ref"] = Value::from(format!("#/components/schemas/{name}"));
    jsonschema::validator_for(&schema).unwrap()
}

/// Collects every value under `key`, at any depth.
fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|value| all(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

#[test]
fn it_is_openapi_3_1_and_every_reference_and_link_leads_somewhere() {
    let document = whole();
    assert_eq!(document["openapi"], "3.1.0");
    let (mut references, mut links) = (Vec::new(), Vec::new());
    all(&document, "$ref", &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    all(&document["paths"], "links", &mut links);
    let links: Vec<_> = links.iter().flat_map(|it| it.as_object().unwrap().values()).collect();
    assert!(links.len() >= 5);
    for link in links {
        assert!(routes::ALL.iter().any(|it| link["operationId"] == it.operation), "{link}");
    }
}

#[test]
fn every_route_is_described_with_its_query_parameters() {
    let described: Vec<_> = operations::all().iter().map(|(route, _)| route.operation).collect();
    let defined: Vec<_> = routes::ALL.iter().map(|route| route.operation).collect();
    assert_eq!(described, defined);
    let document = whole();
    for route in routes::ALL {
        let method = route.method.as_str().to_lowercase();
        let parameters = document["paths"][route.path][method]["parameters"].as_array().unwrap();
        let query: Vec<_> = parameters.iter().filter(|it| it["in"] == "query").collect();
        let query: Vec<_> = query.iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(query, route.parameters, "{}", route.operation);
    }
}

#[test]
fn every_example_is_as_its_schema_says() {
    let document = whole();
    let mut contents = Vec::new();
    all(&document["paths"], "content", &mut contents);
    let mut count = 0;
    for content in contents.iter().flat_map(|it| it.as_object().unwrap().values()) {
        let many = content["examples"].as_object().into_iter().flatten();
        let many = many.map(|(_, example)| &example["value"]);
        let examples: Vec<_> = content.get("example").into_iter().chain(many).collect();
        let mut schema = content["schema"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for example in examples {
            let breaches: Vec<_> = validator.iter_errors(example).collect();
            assert!(breaches.is_empty(), "{example}: {breaches:?}");
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn a_refusal_has_one_schema_that_fits_the_service_and_the_gateway() {
    let document = whole();
    let mut count = 0;
    for operation in document["paths"].as_object().unwrap().values() {
        for (status, kind) in [
            ("401", Kind::Unauthorized),
            ("403", Kind::Forbidden),
            ("429", Kind::TooManyOrders),
            ("500", Kind::Internal),
            ("503", Kind::Unavailable),
        ] {
            let mut responses = Vec::new();
            all(operation, status, &mut responses);
            for response in responses {
                let contents = response["content"].as_object().unwrap().values();
                let schemas: Vec<_> = contents.map(|content| &content["schema"]).collect();
                // A 503 of health has a form of its own; on most routes only the gateway sends 429.
                let of_one =
                    ["Health", "GatewayMessage"].map(|name| format!("#/components/schemas/{name}"));
                if of_one.iter().any(|schema| schemas[0]["$ref"] == *schema) {
                    continue;
                }
                assert_eq!(schemas.len(), 2);
                assert_eq!(schemas[0], schemas[1]);
                let mut schema = schemas[0].clone();
                schema["components"] = document["components"].clone();
                let validator = jsonschema::validator_for(&schema).unwrap();
                assert!(validator.is_valid(&examples::message(kind.status())), "{status}");
                assert!(validator.is_valid(&examples::problem(kind)), "{status}");
                assert!(!validator.is_valid(&json!({ "message": 7 })), "{status}");
                assert!(!validator.is_valid(&json!({ "status": "late" })), "{status}");
                count += 1;
            }
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn the_server_is_where_the_document_comes_from_under_any_base_path() {
    let document = whole();
    let server = document["servers"][0]["url"].as_str().unwrap();
    for base in ["https://api.example.com", "http://127.0.0.1:4566/_aws/execute-api/1a2b/$default"]
    {
        let url = url::Url::parse(&format!("{base}/openapi.json")).unwrap();
        let resolved = url.join(server).unwrap();
        assert_eq!(resolved.as_str().trim_end_matches('/'), base);
        // Some clients append the path first, then resolve.
        assert_eq!(
            url.join(&format!("{server}/orders")).unwrap().as_str(),
            format!("{base}/orders")
        );
    }
}

/// The name of a schema, a body, and whether the reader that the schema describes takes a body.
type Reader = (&'static str, Value, fn(&Value) -> bool);

fn readers() -> [Reader; 5] {
    let mut in_buckets = examples::new_product();
    in_buckets["stock_buckets"] = json!(16);
    let status = json!({ "status": "shipped" });
    [
        ("NewOrder", examples::new_order(), |it| read_new_order(it).is_ok()),
        ("NewStatus", status, |it| read_new_status(it).is_ok()),
        ("NewProduct", examples::new_product(), |it| read_new_product(it).is_ok()),
        ("NewProduct", in_buckets, |it| read_new_product(it).is_ok()),
        ("NoFields", json!({}), |it| read_no_fields(it).is_ok()),
    ]
}

/// Values that are often handled wrongly.
fn odd() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(""),
        json!(" "),
        json!("x"),
        json!(" x\n"),
        json!("a\u{0}b"),
        json!("x".repeat(200)),
        json!("x".repeat(201)),
        json!(format!(" {} ", "x".repeat(200))),
        json!("\u{3000}y\u{a0}"),
        json!("EUR"),
        json!("eur"),
        json!("EURO"),
        json!("cancelled"),
        json!("lost"),
        json!(0),
        json!(1),
        json!(-1),
        json!(64),
        json!(65),
        json!(10_000),
        json!(10_001),
        json!(1.5),
        json!(i32::MAX),
        json!(i64::from(i32::MAX) + 1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!([]),
        json!({}),
        json!([{}]),
        json!(vec![0; 101]),
    ]
}

/// `good` with each odd value in each place, with one more field, and without each field.
fn spoiled(good: &Value) -> Vec<Value> {
    let mut places = vec![String::new()];
    places.extend(good.as_object().unwrap().keys().map(|key| format!("/{key}")));
    if good.get("items").is_some() {
        places.extend(["/items/0", "/items/0/product_id", "/items/0/quantity"].map(str::to_owned));
    }
    let mut spoiled = Vec::new();
    for place in &places {
        for value in odd() {
            let mut body = good.clone();
            *body.pointer_mut(place).unwrap() = value;
            spoiled.push(body);
        }
        let mut more = good.clone();
        if let Some(Value::Object(fields)) = more.pointer_mut(place) {
            fields.insert("more".to_owned(), json!(1));
            spoiled.push(more);
        }
        if let Some((above, field)) = place.rsplit_once('/') {
            let mut less = good.clone();
            if let Some(Value::Object(fields)) = less.pointer_mut(above) {
                fields.remove(field);
                spoiled.push(less);
            }
        }
    }
    spoiled
}

#[test]
fn a_body_as_it_is_described_is_one_that_is_read_and_no_other_is() {
    let (mut taken, mut refused) = (0, 0);
    for (name, good, reads) in readers() {
        let schema = validator(name);
        assert!(reads(&good) && schema.is_valid(&good), "{name}");
        for body in spoiled(&good) {
            // `format` is an annotation, which this validator does not check.
            let noted = |pointer: &str| {
                let text = body.pointer(pointer).filter(|value| value.is_string());
                text.is_some() && text != good.pointer(pointer)
            };
            let (read, described) = (reads(&body), schema.is_valid(&body));
            if noted("/customer_email") || noted("/items/0/product_id") {
                assert!(!read && described, "{name}: {body}");
            } else {
                assert_eq!(read, described, "{name}: {body}");
            }
            if read { taken += 1 } else { refused += 1 }
        }
    }
    assert!(taken > 15 && refused > 150, "{taken}, {refused}");
}
