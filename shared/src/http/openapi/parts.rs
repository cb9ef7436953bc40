//! Parameters, headers and responses that several routes share.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};
use utoipa::PartialSchema;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AllOfBuilder, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, SchemaType, Type,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema};

use super::examples;
use super::schemas::{integer, text};
use crate::http::respond::{Kind, ProblemBody};

/// The content type of a successful response.
pub(super) const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

/// The statuses that API Gateway also sends by itself: for a bad token, when it throttles, and when the
/// function fails or is too slow.
const OF_THE_GATEWAY_TOO: [StatusCode; 5] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// An optional query parameter.
pub(super) fn query(
    name: &str,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> ParameterBuilder {
    parameter(name, ParameterIn::Query, description, schema)
}

/// The `{id}` of a path.
pub(super) fn id(schema: &str, description: &str, example: Value) -> Parameter {
    parameter("id", ParameterIn::Path, description, Ref::from_schema_name(schema))
        .required(Required::True)
        .example(Some(example))
        .build()
}

/// An optional request header.
pub(super) fn header(
    name: &str,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> ParameterBuilder {
    parameter(name, ParameterIn::Header, description, schema)
}

/// An optional parameter.
pub(super) fn parameter(
    name: &str,
    place: ParameterIn,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
}

/// A JSON request body.
pub(super) fn json_body(schema: &str, example: Value, required: Required) -> RequestBody {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .example(Some(example))
        .build();
    RequestBodyBuilder::new().content(JSON, content).required(Some(required)).build()
}

/// A response with a JSON body and the correlation id.
pub(super) fn answer(description: &str, schema: &str, example: Value) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .example(Some(example))
        .build();
    bare(description).content(JSON, content)
}

/// A response with a text body.
pub(super) fn text_answer(description: &str, content_type: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(text())).build();
    bare(description).content(content_type, content)
}

/// A response without a body.
pub(super) fn bare(description: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .header_ref("X-Correlation-Id", Ref::new("#/components/headers/X-Correlation-Id"))
}

/// A response header.
pub(super) fn response_header(description: &str, example: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(text()))
        .description(Some(description))
        .example(Some(json!(example)))
        .build()
}

/// Adds `Retry-After`.
fn retry_after(answer: ResponseBuilder) -> ResponseBuilder {
    answer.header("Retry-After", response_header("Seconds to wait before the next try.", "5"))
}

/// Adds a problem as another body that a 503 may have.
pub(super) fn or_problem(answer: ResponseBuilder) -> ResponseBuilder {
    let schema = Ref::from_schema_name(PROBLEM_OR_MESSAGE);
    let content = ContentBuilder::new().schema(Some(schema)).build();
    retry_after(answer).content(PROBLEM_JSON, content)
}

/// The responses for these kinds of problems, by status.
pub(super) fn problems(kinds: &[Kind]) -> BTreeMap<String, Response> {
    let mut by_status = BTreeMap::<u16, Vec<Kind>>::new();
    for kind in Kind::ALL.iter().filter(|kind| kinds.contains(kind)) {
        by_status.entry(kind.status().as_u16()).or_default().push(*kind);
    }
    by_status
        .into_iter()
        .map(|(status, kinds)| (status.to_string(), problem_answer(&kinds)))
        .collect()
}

fn problem_answer(kinds: &[Kind]) -> Response {
    let titles: Vec<_> = kinds
        .iter()
        .map(|kind| format!("[{}]({}): {}.", kind.code(), kind.path(), kind.title()))
        .collect();
    let from_gateway = kinds.iter().any(|kind| is_of_the_gateway_too(*kind));
    let schema: RefOr<Schema> = match kinds {
        // Clients choose a schema by the status alone, so both bodies share one.
        _ if from_gateway => Ref::from_schema_name(PROBLEM_OR_MESSAGE).into(),
        [kind] => Ref::from_schema_name(schema_name(*kind)).into(),
        _ => {
            let of_each = kinds.iter().fold(OneOfBuilder::new(), |schema, kind| {
                schema.item(Ref::from_schema_name(schema_name(*kind)))
            });
            Schema::from(of_each.build()).into()
        }
    };
    let examples = kinds.iter().map(|kind| {
        let example = utoipa::openapi::example::ExampleBuilder::new()
            .summary(kind.title())
            .value(Some(examples::problem(*kind)))
            .build();
        (kind.code(), RefOr::T(example))
    });
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    let mut response = bare(&titles.join("\n")).content(PROBLEM_JSON, content);
    if kinds.iter().any(|kind| matches!(kind, Kind::Unauthorized | Kind::Forbidden)) {
        response = response.header(
            "WWW-Authenticate",
            response_header("The authentication scheme, and why the token was refused.", "Bearer"),
        );
    }
    if from_gateway {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(PROBLEM_OR_MESSAGE)))
            .example(kinds.first().map(|kind| examples::message(kind.status())))
            .build();
        response = response.content(JSON, content);
    }
    if kinds.iter().any(|kind| kind.may_pass()) {
        response = retry_after(response);
    }
    response.build()
}

/// Whether API Gateway also sends the status of this kind by itself.
pub(super) fn is_of_the_gateway_too(kind: Kind) -> bool {
    OF_THE_GATEWAY_TOO.contains(&kind.status())
}

/// The name of the schema that fits both a problem and a gateway error.
pub(super) const PROBLEM_OR_MESSAGE: &str = "ProblemOrMessage";

/// The schema of a problem with no required member, plus the `message` of a gateway error.
pub(super) fn problem_or_message() -> Object {
    let mut schema = match ProblemBody::schema() {
        RefOr::T(Schema::Object(problem)) => problem,
        _ => Object::new(),
    };
    let kinds = Kind::ALL.iter().filter(|kind| is_of_the_gateway_too(**kind));
    let own = kinds.flat_map(|kind| members(*kind));
    let message = text().description(Some("The only member of an error of API Gateway."));
    schema.properties.insert("message".to_owned(), Schema::from(message.build()).into());
    schema.properties.extend(own.map(|(name, schema)| (name.to_owned(), schema)));
    schema.required.clear();
    schema.description = Some("A problem, or an error of API Gateway itself.".to_owned());
    schema
}

/// The body of a gateway error.
pub(super) fn gateway_message() -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name("GatewayMessage"))).build()
}

/// The name of the schema of a kind.
pub(super) fn schema_name(kind: Kind) -> String {
    format!("{kind:?}Problem")
}

/// The schema of a kind: the members of every problem, its `type`, and its own members.
pub(super) fn problem_schema(kind: Kind) -> Schema {
    let status = i64::from(kind.status().as_u16());
    let mut own = ObjectBuilder::new()
        .property("type", text().enum_values(Some([kind.path()])))
        .required("type")
        .property("status", integer(status, status))
        .required("status");
    for (name, schema) in members(kind) {
        own = own.property(name, schema).required(name);
    }
    AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(own)
        .description(Some(format!("{}.", kind.title())))
        .build()
        .into()
}

fn members(kind: Kind) -> Vec<(&'static str, RefOr<Schema>)> {
    let list = |item: RefOr<Schema>| Schema::from(ArrayBuilder::new().items(item).build()).into();
    let named = |name: &str| Ref::from_schema_name(name).into();
    let strings = || list(Schema::from(text().build()).into());
    let number = || Schema::from(integer(0, i64::MAX).build()).into();
    let limit = || vec![("limit_bytes", number())];
    match kind {
        Kind::InvalidRequest | Kind::AmountOutOfRange => vec![("errors", list(named("Violation")))],
        Kind::BodyTooLarge => [limit(), vec![("errors", list(named("Violation")))]].concat(),
        Kind::HeadersTooLarge => [limit(), vec![("limit", number())]].concat(),
        Kind::TooManyOrders => {
            let either = text().enum_values(Some(["pending", "per_minute"]));
            vec![("limit_name", Schema::from(either.build()).into()), ("limit", number())]
        }
        Kind::QueryTooLong => limit(),
        Kind::Forbidden => vec![("scopes", strings())],
        Kind::MethodNotAllowed => vec![("methods", strings())],
        Kind::UnknownProduct => vec![("product_ids", list(named("ProductId")))],
        Kind::InsufficientStock => vec![("shortages", list(named("Shortage")))],
        Kind::IllegalTransition => vec![
            ("from", named("Status")),
            ("to", named("Status")),
            ("next_statuses", list(named("Status"))),
        ],
        Kind::StockTaken => vec![("current_version", number()), ("current_stock", number())],
        Kind::VersionMismatch => vec![("current_version", number())],
        Kind::ProductExists => {
            let kind = SchemaType::from_iter([Type::Integer, Type::Null]);
            let schema = ObjectBuilder::new().schema_type(kind).build();
            vec![("current_version", Schema::from(schema).into())]
        }
        Kind::Unauthorized
        | Kind::NoSuchRoute
        | Kind::OrderNotFound
        | Kind::ProductNotFound
        | Kind::KeyInFlight
        | Kind::ProductMissing
        | Kind::UnsupportedMediaType
        | Kind::KeyReused
        | Kind::MixedCurrencies
        | Kind::PreconditionRequired
        | Kind::Internal
        | Kind::Unavailable => Vec::new(),
    }
}
