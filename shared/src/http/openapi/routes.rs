//! Each route: who may call it, what it takes, and everything that it answers.

use serde_json::json;
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::path::{HttpMethod, Parameter, ParameterIn};
use utoipa::openapi::{Ref, Required, ResponseBuilder};

use super::super::{HealthStatus, Kind};
use super::examples;
use super::parts::{
    JSON, answer, bare, header, id, or_problem, parameter, query, response_header, text_answer,
};
use super::schemas::{email, flag, integer, line, text, time};
use super::sketch::{Route, Sketch};
use crate::domain::{Scope, Status};

/// An order's tag.
const ORDER_TAG: &str = r#"^"[1-9][0-9]{0,17}"$"#;
/// A product's tag, with its stock or without. The largest stock has ten digits.
const PRODUCT_TAG: &str = r#"^"[1-9][0-9]{0,17}(-(0|[1-9][0-9]{0,9}))?"$"#;

/// All of them, in the order in which a reader meets them.
pub(super) fn all() -> Vec<Route> {
    vec![
        create_order(),
        list_orders(),
        get_order(),
        cancel_order(),
        update_order_status(),
        list_products(),
        get_product(),
        put_product(),
        health(),
        description(),
        docs(),
        problem(),
    ]
}

fn create_order() -> Route {
    let key = header(
        "Idempotency-Key",
        "Makes the request safe to repeat: 1 to 255 visible ASCII characters, bare or quoted. The \
         same key with the same request gets the first answer again, and places nothing.",
        text().min_length(Some(1)).pattern(Some("^[!-~]{1,255}$")),
    )
    .example(Some(json!("6f1c0a9e-checkout")));
    let created = answer(
        "The order is stored and its stock reserved.",
        "Order",
        examples::order(&[Status::Pending]),
    )
    .header(
        "Location",
        response_header(
            "Where the order is, relative to the URL of the request.",
            "orders/019c8019-aa00-7a31-9c40-1f2e6ba0a415",
        ),
    )
    .header("ETag", order_etag())
    .header(
        "Idempotent-Replayed",
        response_header("`true` if an earlier request with the same key was answered so.", "true"),
    )
    .link("read", link("getOrder", "/id", "The order."));
    Sketch::new("createOrder", "Orders", "Place an order")
        .description(
            "Prices, names and currency come from the products, which must all share one currency. \
             Stock is reserved for all lines or for none.",
        )
        .scopes(&[Scope::Write])
        .parameter(key)
        .body("NewOrder", examples::new_order())
        .response("201", next_steps(created))
        .problems(&[
            Kind::AmountOutOfRange,
            Kind::UnknownProduct,
            Kind::InsufficientStock,
            Kind::KeyInFlight,
            Kind::KeyReused,
            Kind::MixedCurrencies,
            Kind::TooManyOrders,
        ])
        .at(HttpMethod::Post, "/orders")
}

fn list_orders() -> Route {
    Sketch::new("listOrders", "Orders", "List orders")
        .description("Newest first. A customer gets their own, staff everyone's.")
        .scopes(&[Scope::Read, Scope::Staff])
        .parameters(page_parameters())
        .parameter(query("status", "Those in this status.", Ref::from_schema_name("Status")))
        .parameter(query("email", "Those of this address. For staff alone.", email()))
        .parameter(query("placed_after", "Those placed at this moment or later.", time()))
        .parameter(query("placed_before", "Those placed before this moment.", time()))
        .response(
            "200",
            page("A page of orders.", "OrderList", examples::orders())
                .link("first", link("getOrder", "/orders/0/id", "The first order of the page.")),
        )
        .at(HttpMethod::Get, "/orders")
}

fn get_order() -> Route {
    Sketch::new("getOrder", "Orders", "Read an order")
        .description(
            "With its items and its history. Somebody else's is as one that does not exist.",
        )
        .scopes(&[Scope::Read, Scope::Staff])
        .parameter(order_id())
        .parameter(if_none_match())
        .response("200", next_steps(an_order("The order.", &[Status::Pending, Status::Confirmed])))
        .response("304", unchanged())
        .problems(&[Kind::OrderNotFound])
        .at(HttpMethod::Get, "/orders/{id}")
}

fn cancel_order() -> Route {
    let if_match = header(
        "If-Match",
        "The ETag of the order as you read it, if it must not have changed since. `*` is the same as \
         none.",
        text().min_length(Some(3)).pattern(Some(ORDER_TAG)),
    );
    Sketch::new("cancelOrder", "Orders", "Cancel an order")
        .description("From `pending` or `confirmed`. The stock is given back, once.")
        .scopes(&[Scope::Write, Scope::Staff])
        .parameter(order_id())
        .parameter(if_match)
        .no_fields()
        .response("200", an_order("The order, cancelled.", &[Status::Pending, Status::Cancelled]))
        .problems(&[Kind::OrderNotFound, Kind::IllegalTransition, Kind::VersionMismatch])
        .at(HttpMethod::Patch, "/orders/{id}/cancel")
}

fn update_order_status() -> Route {
    let if_match = header(
        "If-Match",
        "The ETag of the order as you read it. Without it the answer is 428.",
        text().min_length(Some(3)).pattern(Some(ORDER_TAG)),
    )
    .required(Required::True)
    .example(Some(json!("\"2\"")));
    let way = [Status::Pending, Status::Confirmed, Status::Shipped];
    Sketch::new("updateOrderStatus", "Orders", "Take an order to its next status")
        .description("`next_statuses` of an order says which that can be.")
        .scopes(&[Scope::Staff])
        .parameter(order_id())
        .parameter(if_match)
        .body("NewStatus", json!({ "status": "shipped" }))
        .response("200", an_order("The order in its new status.", &way))
        .problems(&[
            Kind::OrderNotFound,
            Kind::IllegalTransition,
            Kind::VersionMismatch,
            Kind::PreconditionRequired,
        ])
        .at(HttpMethod::Patch, "/orders/{id}/status")
}

fn list_products() -> Route {
    let search = query("q", "Those whose name contains this, in whatever capitals.", line(100));
    Sketch::new("listProducts", "Products", "List products")
        .description("What can be ordered, in the order of the ids. Up to three seconds old.")
        .scopes(&[Scope::Read, Scope::Staff])
        .parameters(page_parameters())
        .parameter(search)
        .response(
            "200",
            page("A page of products.", "ProductList", examples::products())
                .link("first", link("getProduct", "/products/0/id", "The first of the page.")),
        )
        .at(HttpMethod::Get, "/products")
}

fn get_product() -> Route {
    Sketch::new("getProduct", "Products", "Read a product")
        .description("One that can't be ordered any more too.")
        .scopes(&[Scope::Read, Scope::Staff])
        .parameter(product_id())
        .parameter(if_none_match())
        .response(
            "200",
            a_product("The product.")
                .link("replace", under_its_tag("putProduct", "To replace it.")),
        )
        .response("304", unchanged())
        .problems(&[Kind::ProductNotFound])
        .at(HttpMethod::Get, "/products/{id}")
}

fn put_product() -> Route {
    let if_match = header(
        "If-Match",
        "Replaces the product if it is still the one with this ETag. Stock that was sold meanwhile \
         stays sold, unless the tag is the version alone.",
        text().min_length(Some(3)).pattern(Some(PRODUCT_TAG)),
    );
    let if_none_match = header(
        "If-None-Match",
        "`*` creates the product if there is none yet. One of the two headers is required.",
        text().enum_values(Some(["*"])),
    );
    let location = response_header(
        "Where the product is, relative to the URL of the request.",
        "019c8019-aa00-7a31-9c40-000000000001",
    );
    Sketch::new("putProduct", "Products", "Create or replace a product")
        .description("All fields are required, and no others are taken.")
        .scopes(&[Scope::Staff])
        .parameter(product_id())
        .parameter(if_match)
        .parameter(if_none_match)
        .body("NewProduct", examples::new_product())
        .response("200", a_product("The product as it is now."))
        .response("201", a_product("The product is there.").header("Location", location))
        .problems(&[
            Kind::StockTaken,
            Kind::VersionMismatch,
            Kind::ProductExists,
            Kind::ProductMissing,
            Kind::PreconditionRequired,
        ])
        .at(HttpMethod::Put, "/products/{id}")
}

fn health() -> Route {
    let deep = query("deep", "`true` asks everything that the service depends on.", flag())
        .example(Some(json!(true)));
    let well = examples::health(true, HealthStatus::Ok);
    let down = examples::health(true, HealthStatus::Down);
    Sketch::new("health", "Service", "Ask whether the service answers")
        .parameter(deep)
        .response("200", answer("Orders can be placed, as far as is known.", "Health", well))
        .response("503", or_problem(answer("No order can be placed.", "Health", down)))
        .at(HttpMethod::Get, "/health")
}

fn description() -> Route {
    let document = utoipa::openapi::ContentBuilder::new()
        .schema(Some(utoipa::openapi::schema::Object::new()))
        .build();
    Sketch::new("describe", "Service", "Read this description")
        .response("200", bare("This document.").content(JSON, document))
        .at(HttpMethod::Get, "/openapi.json")
}

fn docs() -> Route {
    Sketch::new("docs", "Service", "Read this description as a page")
        .response("200", text_answer("The page.", "text/html"))
        .at(HttpMethod::Get, "/docs")
}

fn problem() -> Route {
    let codes = Kind::ALL.iter().map(|kind| kind.code());
    let code = parameter(
        "code",
        ParameterIn::Path,
        "The last part of a problem's `type`.",
        text().enum_values(Some(codes)),
    )
    .required(Required::True)
    .example(Some(json!(Kind::OrderNotFound.code())));
    Sketch::new("describeProblem", "Service", "Read what a kind of problem means")
        .parameter(code)
        .response("200", text_answer("The page.", "text/html"))
        .problems(&[Kind::NoSuchRoute])
        .at(HttpMethod::Get, "/problems/{code}")
}

fn order_id() -> Parameter {
    id("OrderId", "Which order.", json!(examples::order_id()))
}

fn product_id() -> Parameter {
    id("ProductId", "Which product.", json!(examples::product_id()))
}

fn if_none_match() -> Parameter {
    header("If-None-Match", "An ETag that you have: if it is still so, the answer is 304.", text())
        .example(Some(json!("\"1\"")))
        .build()
}

fn page_parameters() -> [Parameter; 2] {
    let limit = integer(1, 100).default(Some(json!(10)));
    let cursor = "Where to go on: the `next_cursor` of the page before. Good for the caller who got \
                  it, with the same parameters.";
    [
        query("limit", "How many at most.", limit).build(),
        query("cursor", cursor, text().pattern(Some("^[A-Za-z0-9_-]+$"))).build(),
    ]
}

fn page(description: &str, schema: &str, example: serde_json::Value) -> ResponseBuilder {
    let link = "Where the next page is (RFC 8288), relative to the URL of the request; not on the \
                last one.";
    answer(description, schema, example)
        .header("Link", response_header(link, "<?limit=10&cursor=AQGh…>; rel=\"next\""))
}

/// The way from an answer to a route of what is under `pointer` in it.
fn link(operation_id: &str, pointer: &str, description: &str) -> Link {
    LinkBuilder::new()
        .operation_id(operation_id)
        .parameter("path.id", format!("$response.body#{pointer}"))
        .description(description)
        .build()
}

/// The way from an answer to a change of what it shows, as long as nobody changes it meanwhile.
fn under_its_tag(operation_id: &str, description: &str) -> Link {
    LinkBuilder::new()
        .operation_id(operation_id)
        .parameter("path.id", "$response.body#/id")
        .parameter("header.If-Match", "$response.header.ETag")
        .description(description)
        .build()
}

fn next_steps(order: ResponseBuilder) -> ResponseBuilder {
    order
        .link("cancel", under_its_tag("cancelOrder", "To call it off."))
        .link("change", under_its_tag("updateOrderStatus", "The next step of its life."))
}

fn an_order(description: &str, way: &[Status]) -> ResponseBuilder {
    answer(description, "Order", examples::order(way)).header("ETag", order_etag())
}

fn a_product(description: &str) -> ResponseBuilder {
    let etag = response_header("The product's version and stock, for `If-Match`.", "\"7-41\"");
    answer(description, "Product", examples::product()).header("ETag", etag)
}

fn order_etag() -> utoipa::openapi::Header {
    response_header("The order's version, for `If-Match`.", "\"1\"")
}

fn unchanged() -> ResponseBuilder {
    bare("It is still so.").header("ETag", response_header("As you sent it.", "\"1\""))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::super::conditional::product_tag;
    use super::*;

    #[test]
    fn the_tag_of_a_product_is_as_it_is_described_up_to_the_largest_stock() {
        let schema = json!({ "type": "string", "pattern": PRODUCT_TAG });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut product = examples::sample_product();
        for stock in [0, 41, 999_999_999, 1_000_000_000, i32::MAX] {
            product.stock = stock;
            let tag = product_tag(&product);
            assert!(validator.is_valid(&Value::from(tag.as_str())), "{tag}");
        }
        for tag in ["\"0-1\"", "\"7-\"", "\"7-01\"", "\"7-10000000000\"", "7-41"] {
            assert!(!validator.is_valid(&Value::from(tag)), "{tag}");
        }
    }
}
