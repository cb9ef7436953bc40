//! The operation of each route: its texts, its parameters and body, and all of its responses.

use serde_json::json;
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{Ref, Required, ResponseBuilder};

use super::examples;
use super::parts::{
    JSON, answer, bare, header, id, or_problem, parameter, query, response_header, text_answer,
};
use super::schemas::{email, flag, integer, line, text, time};
use super::sketch::Sketch;
use crate::domain::Status;
use crate::http::respond::{HealthStatus, Kind};
use crate::http::route::Route;
use crate::http::routes;

/// The `ETag` of an order.
const ORDER_TAG: &str = r#"^"[1-9][0-9]{0,17}"$"#;
/// The `ETag` of an order, or `*`.
const ORDER_TAG_OR_ANY: &str = r#"^(\*|"[1-9][0-9]{0,17}")$"#;
/// The `ETag` of a product, with or without its stock. The largest stock has ten digits.
const PRODUCT_TAG: &str = r#"^"[1-9][0-9]{0,17}(-(0|[1-9][0-9]{0,9}))?"$"#;

/// The operation of each route, in the order of [`routes::ALL`].
pub(super) fn all() -> Vec<(Route, Operation)> {
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
        describe(),
        docs(),
        describe_problem(),
    ]
}

fn create_order() -> (Route, Operation) {
    let key = header(
        "Idempotency-Key",
        "Makes the request safe to repeat: 1 to 255 visible ASCII characters, bare or quoted. A \
         repeated request with the same key gets the first response and places no second order.",
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
            "The URL of the order, relative to that of the request.",
            "orders/019c8019-aa00-7a31-9c40-1f2e6ba0a415",
        ),
    )
    .header("ETag", order_etag())
    .header(
        "Idempotent-Replayed",
        response_header(
            "`true` if this response repeats that of an earlier request with the same key.",
            "true",
        ),
    )
    .link("read", link(routes::GET_ORDER, "/id", "The order."));
    Sketch::new(routes::CREATE_ORDER, "Orders", "Place an order")
        .description(
            "Names and prices come from the products, which must all have the same currency. Stock is \
             reserved for all lines or for none.",
        )
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
        .build()
}

fn list_orders() -> (Route, Operation) {
    Sketch::new(routes::LIST_ORDERS, "Orders", "List orders")
        .description("Newest first. Customers see their own orders, staff everyone's.")
        .parameters(page_parameters())
        .parameter(query(
            "number",
            "Only the order with this number. Not together with a cursor or another filter.",
            Ref::from_schema_name("OrderNumber"),
        ))
        .parameter(query(
            "status",
            "Only orders with this status.",
            Ref::from_schema_name("Status"),
        ))
        .parameter(query("email", "Only orders of this customer's address. Staff only.", email()))
        .parameter(query("placed_after", "Only orders placed at or after this time.", time()))
        .parameter(query("placed_before", "Only orders placed before this time.", time()))
        .response(
            "200",
            page("A page of orders.", "OrderList", examples::orders()).link(
                "first",
                link(routes::GET_ORDER, "/orders/0/id", "The first order of the page."),
            ),
        )
        .build()
}

fn get_order() -> (Route, Operation) {
    Sketch::new(routes::GET_ORDER, "Orders", "Get an order")
        .description("With its items and its history. Another customer's order answers 404.")
        .parameter(order_id())
        .parameter(if_none_match())
        .response("200", next_steps(an_order("The order.", &[Status::Pending, Status::Confirmed])))
        .response("304", unchanged())
        .problems(&[Kind::OrderNotFound])
        .build()
}

fn cancel_order() -> (Route, Operation) {
    let if_match = header(
        "If-Match",
        "Cancels the order only if this is still its ETag. `*` means any, as without the header.",
        text().min_length(Some(1)).pattern(Some(ORDER_TAG_OR_ANY)),
    );
    Sketch::new(routes::CANCEL_ORDER, "Orders", "Cancel an order")
        .description("Allowed from `pending` and `confirmed`. Returns the reserved stock.")
        .parameter(order_id())
        .parameter(if_match)
        .no_fields()
        .response("200", an_order("The cancelled order.", &[Status::Pending, Status::Cancelled]))
        .problems(&[Kind::OrderNotFound, Kind::IllegalTransition, Kind::VersionMismatch])
        .build()
}

fn update_order_status() -> (Route, Operation) {
    let if_match = header(
        "If-Match",
        "The ETag of the order. Without it the response is 428.",
        text().min_length(Some(3)).pattern(Some(ORDER_TAG)),
    )
    .required(Required::True)
    .example(Some(json!("\"2\"")));
    let way = [Status::Pending, Status::Confirmed, Status::Shipped];
    Sketch::new(routes::UPDATE_ORDER_STATUS, "Orders", "Change the status of an order")
        .description("The `next_statuses` of the order are allowed.")
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
        .build()
}

fn list_products() -> (Route, Operation) {
    let search =
        query("q", "Only products whose name contains this text; case is ignored.", line(100));
    Sketch::new(routes::LIST_PRODUCTS, "Products", "List products")
        .description("Products that can be ordered, by id. Up to three seconds old.")
        .parameters(page_parameters())
        .parameter(search)
        .response(
            "200",
            page("A page of products.", "ProductList", examples::products()).link(
                "first",
                link(routes::GET_PRODUCT, "/products/0/id", "The first product of the page."),
            ),
        )
        .build()
}

fn get_product() -> (Route, Operation) {
    Sketch::new(routes::GET_PRODUCT, "Products", "Get a product")
        .description("Including one that can no longer be ordered.")
        .parameter(product_id())
        .parameter(if_none_match())
        .response(
            "200",
            a_product("The product.")
                .link("replace", under_its_tag(routes::PUT_PRODUCT, "Replaces the product.")),
        )
        .response("304", unchanged())
        .problems(&[Kind::ProductNotFound])
        .build()
}

fn put_product() -> (Route, Operation) {
    let if_match = header(
        "If-Match",
        "Replaces the product only if this is still its ETag. If just its stock has changed since, the \
         difference between your stock and the ETag's is applied. A tag without the stock sets it.",
        text().min_length(Some(3)).pattern(Some(PRODUCT_TAG)),
    );
    let if_none_match = header(
        "If-None-Match",
        "`*` creates the product if it does not exist. One of the two headers is required.",
        text().enum_values(Some(["*"])),
    );
    let location = response_header(
        "The URL of the product, relative to that of the request.",
        "019b76da-a800-7000-8000-000000000007",
    );
    Sketch::new(routes::PUT_PRODUCT, "Products", "Create or replace a product")
        .description("All fields are required.")
        .parameter(product_id())
        .parameter(if_match)
        .parameter(if_none_match)
        .body("NewProduct", examples::new_product())
        .response("200", a_product("The product was replaced."))
        .response("201", a_product("The product was created.").header("Location", location))
        .problems(&[
            Kind::StockTaken,
            Kind::VersionMismatch,
            Kind::ProductExists,
            Kind::ProductMissing,
            Kind::PreconditionRequired,
        ])
        .build()
}

fn health() -> (Route, Operation) {
    let deep =
        query("deep", "`true` checks the dependencies too.", flag()).example(Some(json!(true)));
    let well = examples::health(true, HealthStatus::Ok);
    let down = examples::health(true, HealthStatus::Down);
    Sketch::new(routes::HEALTH, "Service", "Check the health of the service")
        .parameter(deep)
        .response("200", answer("Orders can be placed.", "Health", well))
        .response("503", or_problem(answer("Orders can't be placed.", "Health", down)))
        .build()
}

fn describe() -> (Route, Operation) {
    let document = utoipa::openapi::ContentBuilder::new()
        .schema(Some(utoipa::openapi::schema::Object::new()))
        .build();
    Sketch::new(routes::DESCRIBE, "Service", "Get this description")
        .response("200", bare("This document.").content(JSON, document))
        .build()
}

fn docs() -> (Route, Operation) {
    Sketch::new(routes::DOCS, "Service", "Get this description as a page")
        .response("200", text_answer("The page.", "text/html"))
        .build()
}

fn describe_problem() -> (Route, Operation) {
    let codes = Kind::ALL.iter().map(|kind| kind.code());
    let code = parameter(
        "code",
        ParameterIn::Path,
        "The last part of a problem's `type`.",
        text().enum_values(Some(codes)),
    )
    .required(Required::True)
    .example(Some(json!(Kind::OrderNotFound.code())));
    Sketch::new(routes::DESCRIBE_PROBLEM, "Service", "Get the description of a problem")
        .parameter(code)
        .response("200", text_answer("The page.", "text/html"))
        .problems(&[Kind::NoSuchRoute])
        .build()
}

fn order_id() -> Parameter {
    id("OrderId", "The id of the order.", json!(examples::order_id()))
}

fn product_id() -> Parameter {
    id("ProductId", "The id of the product.", json!(examples::product_id()))
}

fn if_none_match() -> Parameter {
    header("If-None-Match", "The ETag of your copy: if it is current, the response is 304.", text())
        .example(Some(json!("\"1\"")))
        .build()
}

fn page_parameters() -> [Parameter; 2] {
    let limit = integer(1, 100).default(Some(json!(10)));
    let cursor = "The `next_cursor` of the previous page. Valid for the same caller and the same \
                  parameters.";
    [
        query("limit", "The largest number of entries.", limit).build(),
        query("cursor", cursor, text().pattern(Some("^[A-Za-z0-9_-]+$"))).build(),
    ]
}

fn page(description: &str, schema: &str, example: serde_json::Value) -> ResponseBuilder {
    let link = "The URL of the next page (RFC 8288), relative to that of the request. Absent on the \
                last page.";
    answer(description, schema, example)
        .header("Link", response_header(link, "<?limit=10&cursor=AQGh…>; rel=\"next\""))
}

/// A link to a route that takes the id under `pointer` of the response.
fn link(route: Route, pointer: &str, description: &str) -> Link {
    LinkBuilder::new()
        .operation_id(route.operation)
        .parameter("path.id", format!("$response.body#{pointer}"))
        .description(description)
        .build()
}

/// A link to a route that changes what the response shows, guarded by its `ETag`.
fn under_its_tag(route: Route, description: &str) -> Link {
    LinkBuilder::new()
        .operation_id(route.operation)
        .parameter("path.id", "$response.body#/id")
        .parameter("header.If-Match", "$response.header.ETag")
        .description(description)
        .build()
}

fn next_steps(order: ResponseBuilder) -> ResponseBuilder {
    let cancel = under_its_tag(routes::CANCEL_ORDER, "Cancels the order.");
    let change = under_its_tag(routes::UPDATE_ORDER_STATUS, "Changes the status of the order.");
    order.link("cancel", cancel).link("change", change)
}

fn an_order(description: &str, way: &[Status]) -> ResponseBuilder {
    answer(description, "Order", examples::order(way)).header("ETag", order_etag())
}

fn a_product(description: &str) -> ResponseBuilder {
    let etag = response_header("The version and stock of the product, for `If-Match`.", "\"7-41\"");
    answer(description, "Product", examples::product()).header("ETag", etag)
}

fn order_etag() -> utoipa::openapi::Header {
    response_header("The version of the order, for `If-Match`.", "\"1\"")
}

fn unchanged() -> ResponseBuilder {
    bare("Your copy is current.")
        .header("ETag", response_header("The ETag that you sent.", "\"1\""))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::Stock;
    use crate::http::respond::product_tag;

    #[test]
    fn the_tag_of_a_product_is_as_it_is_described_up_to_the_largest_stock() {
        let schema = json!({ "type": "string", "pattern": PRODUCT_TAG });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut product = examples::sample_product();
        for stock in [0, 41, 999_999_999, 1_000_000_000, i32::MAX] {
            product.stock = Stock::new(stock).unwrap();
            let tag = product_tag(&product);
            assert!(validator.is_valid(&Value::from(tag.as_str())), "{tag}");
        }
        for tag in ["\"0-1\"", "\"7-\"", "\"7-01\"", "\"7-10000000000\"", "7-41"] {
            assert!(!validator.is_valid(&Value::from(tag)), "{tag}");
        }
    }
}
