//! The `OpenAPI` 3.1 description of the HTTP API.
//!
//! Response bodies are described by the types that are rendered, and problems by [`Kind`]. Request
//! bodies are described by hand; tests compare them with the readers.

mod examples;
mod operations;
mod parts;
mod schemas;
mod sketch;

use lambda_http::http::StatusCode;
use utoipa::ToSchema;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    InfoBuilder, License, OpenApi, OpenApiBuilder, Paths, RefOr, Schema, ServerBuilder,
};

use crate::error::{Shortage, Violation};
use crate::http::respond::{
    Health, Kind, OrderBody, OrderList, ProblemBody, ProductBody, ProductList,
};
use crate::http::route::Method;

/// The whole document.
#[must_use]
pub fn document() -> OpenApi {
    let mut paths = Paths::new();
    for (route, operation) in operations::all() {
        let method = match route.method {
            Method::Get => HttpMethod::Get,
            Method::Patch => HttpMethod::Patch,
            Method::Post => HttpMethod::Post,
            Method::Put => HttpMethod::Put,
        };
        paths.add_path_operation(route.path, vec![method], operation);
    }
    // Relative to the URL of this document, so that it holds for any server and base path.
    let server =
        ServerBuilder::new().url(".").description(Some("The server of this document.")).build();
    let info = InfoBuilder::new()
        .title("Waybill")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("description.md")))
        .license(Some(License::new("MIT OR Apache-2.0")))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([server]))
        .paths(paths)
        .components(Some(components().build()))
        .build()
}

fn components() -> ComponentsBuilder {
    let mut schemas = Vec::<(String, RefOr<Schema>)>::new();
    add::<schemas::NewOrderBody>(&mut schemas);
    add::<schemas::NewItemBody>(&mut schemas);
    add::<schemas::NewStatusBody>(&mut schemas);
    add::<schemas::NewProductBody>(&mut schemas);
    add::<schemas::NoFields>(&mut schemas);
    add::<OrderBody<'_>>(&mut schemas);
    add::<OrderList<'_>>(&mut schemas);
    add::<ProductBody<'_>>(&mut schemas);
    add::<ProductList<'_>>(&mut schemas);
    add::<Health>(&mut schemas);
    add::<ProblemBody<'_>>(&mut schemas);
    add::<Violation>(&mut schemas);
    add::<Shortage>(&mut schemas);
    for kind in Kind::ALL.iter().filter(|kind| !parts::is_of_the_gateway_too(**kind)) {
        schemas.push((parts::schema_name(*kind), parts::problem_schema(*kind).into()));
    }
    let message = ObjectBuilder::new()
        .property("message", schemas::text())
        .required("message")
        .description(Some("An error of API Gateway itself."))
        .examples([examples::message(StatusCode::TOO_MANY_REQUESTS)])
        .build();
    schemas.push(("GatewayMessage".to_owned(), Schema::from(message).into()));
    let either = Schema::from(parts::problem_or_message());
    schemas.push((parts::PROBLEM_OR_MESSAGE.to_owned(), either.into()));
    let tokens = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "A token from the issuer that the stack was deployed with. `scope` or `scp` must hold one \
             of the scopes of the route.",
        ))
        .build();
    let correlation_id =
        "Identifies the request in every log line; quote it when you report a problem.";
    ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .header("X-Correlation-Id", parts::response_header(correlation_id, "checkout-42"))
        .security_scheme("Tokens", SecurityScheme::Http(tokens))
}

/// Adds the schema of a type and of the types in it.
fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

#[cfg(test)]
mod tests {
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
        let described: Vec<_> =
            operations::all().iter().map(|(route, _)| route.operation).collect();
        let defined: Vec<_> = routes::ALL.iter().map(|route| route.operation).collect();
        assert_eq!(described, defined);
        let document = whole();
        for route in routes::ALL {
            let method = route.method.as_str().to_lowercase();
            let parameters =
                document["paths"][route.path][method]["parameters"].as_array().unwrap();
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
                    let of_one = ["Health", "GatewayMessage"]
                        .map(|name| format!("#/components/schemas/{name}"));
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
        for base in
            ["https://api.example.com", "http://127.0.0.1:4566/_aws/execute-api/1a2b/$default"]
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

    fn readers() -> [Reader; 4] {
        let status = json!({ "status": "shipped" });
        [
            ("NewOrder", examples::new_order(), |it| read_new_order(it).is_ok()),
            ("NewStatus", status, |it| read_new_status(it).is_ok()),
            ("NewProduct", examples::new_product(), |it| read_new_product(it).is_ok()),
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
            places.extend(
                ["/items/0", "/items/0/product_id", "/items/0/quantity"].map(str::to_owned),
            );
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
}
