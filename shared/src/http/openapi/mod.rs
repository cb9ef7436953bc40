//! The `OpenAPI` 3.1 description of the HTTP API.
//!
//! Response bodies are described by the types that are rendered, and problems by [`Kind`]. Request
//! bodies are described by hand; tests compare them with the readers.

mod examples;
mod operations;
mod parts;
mod schemas;
mod sketch;

use http::StatusCode;
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
mod tests;
