//! The JSON schemas of domain types and request bodies.

use serde_json::json;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::{
    Buckets, Currency, MAX_LINES, OrderId, OrderNumber, ProductId, Quantity, Status,
};

/// The white space that `str::trim` removes.
const SPACE: &str = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
/// The characters that a line of text may not contain.
const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";

macro_rules! describe {
    ($($type:ty => $schema:expr;)+) => {
        $(
            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    Schema::from($schema.build()).into()
                }
            }

            impl ToSchema for $type {}
        )+
    };
}

describe! {
    OrderId => uuid().description(Some("The id of an order: a UUIDv7, so ids sort by age."));
    ProductId => uuid().description(Some("The id of a product."));
    OrderNumber => text()
        .description(Some("The order number, for people."))
        .pattern(Some(OrderNumber::PATTERN))
        .examples([json!("ORD-20260221-ADAW0-0Z5SN-T190N")]);
    Currency => currency();
    Status => text()
        .description(Some("The status of an order."))
        .enum_values(Some(Status::ALL.map(Status::as_str)));
}

/// An order to place.
#[derive(ToSchema)]
#[schema(as = NewOrder)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what body.rs reads; the tests hold the two together")]
pub(super) struct NewOrderBody {
    /// The recipient: 1 to 200 characters, no control characters.
    #[schema(schema_with = name)]
    customer_name: String,
    /// The email address of the customer.
    #[schema(schema_with = email)]
    customer_email: String,
    /// The lines. Quantities of a product that is listed twice are added up.
    #[schema(schema_with = items)]
    items: Vec<NewItemBody>,
}

/// A line of an order to place.
#[derive(ToSchema)]
#[schema(as = NewItem)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what body.rs reads; the tests hold the two together")]
pub(super) struct NewItemBody {
    /// The product.
    product_id: ProductId,
    /// How many to order.
    #[schema(schema_with = quantity)]
    quantity: i32,
}

/// The status that an order is to get.
#[derive(ToSchema)]
#[schema(as = NewStatus)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what body.rs reads; the tests hold the two together")]
pub(super) struct NewStatusBody {
    /// The new status.
    status: Status,
}

/// A product to create, or to replace one with.
#[derive(ToSchema)]
#[schema(as = NewProduct)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what body.rs reads; the tests hold the two together")]
pub(super) struct NewProductBody {
    /// Its name: 1 to 200 characters, no control characters.
    #[schema(schema_with = name)]
    name: String,
    /// The currency of the price.
    currency: Currency,
    /// The price in the minor unit of the currency: 1450 for 14.50 €.
    #[schema(schema_with = price)]
    price_minor: i64,
    /// How many are in stock.
    #[schema(schema_with = stock)]
    stock: i32,
    /// In how many buckets the stock is to be.
    #[schema(schema_with = stock_buckets, required = false)]
    stock_buckets: Option<i32>,
    /// Whether it can be ordered.
    active: bool,
}

/// An object without fields.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

/// A string.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A string of 1 to `max` characters, none of them a control character.
pub(super) fn line(max: usize) -> Object {
    text().pattern(Some(format!("^[^{CONTROL}]{{1,{max}}}$"))).build()
}

/// A whole number.
pub(super) fn integer(min: i64, max: i64) -> ObjectBuilder {
    let kind = SchemaType::new(Type::Integer);
    ObjectBuilder::new().schema_type(kind).minimum(Some(min)).maximum(Some(max))
}

/// `true` or `false`.
pub(super) fn flag() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// A UUID in its hyphenated form.
pub(super) fn uuid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

/// A time as in RFC 3339.
pub(super) fn time() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// An email address.
pub(super) fn email() -> Object {
    text()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
        .description(Some("An email address of at most 254 characters."))
        .build()
}

fn name() -> Object {
    let inner = format!("[^{CONTROL}]{{0,198}}");
    let end = format!("[^{CONTROL}{SPACE}]");
    text()
        .pattern(Some(format!("^[{SPACE}]*{end}({inner}{end})?[{SPACE}]*$")))
        .description(Some(
            "1 to 200 characters, no control characters. Surrounding white space is removed.",
        ))
        .build()
}

fn quantity() -> Object {
    let max = i64::from(Quantity::MAX);
    integer(1, max).description(Some(format!("How many to order: 1 to {max}."))).build()
}

fn price() -> Object {
    integer(0, i64::MAX)
        .description(Some("The price in the minor unit of the currency: 1450 for 14.50 €."))
        .build()
}

fn stock() -> Object {
    integer(0, i32::MAX.into()).description(Some("How many are in stock.")).build()
}

fn stock_buckets() -> Object {
    integer(1, Buckets::MAX.get().into())
        .description(Some(
            "In how many buckets the stock is to be, for a product with many orders a second. Without \
             it, that stays as it is; a new product has one.",
        ))
        .build()
}

fn items() -> Array {
    ArrayBuilder::new()
        .items(Ref::from_schema_name("NewItem"))
        .min_items(Some(1))
        .max_items(Some(MAX_LINES))
        .description(Some("The lines. Quantities of a product that is listed twice are added up."))
        .build()
}

fn currency() -> ObjectBuilder {
    text()
        .description(Some(
            "An ISO 4217 code. Any three capital letters are accepted; the service has no list of \
             currencies and does not convert between them.",
        ))
        .pattern(Some("^[A-Z]{3}$"))
        .examples([json!("EUR")])
}
