//! The JSON of orders and products.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::domain::{
    AmountOutOfRange, Currency, HistoryEntry, Order, OrderId, OrderItem, OrderNumber, OrderSummary,
    Product, ProductId, Status,
};

/// A body that estimates its length, so that it is written into one buffer. A wrong estimate costs a
/// larger buffer or a second allocation.
pub(in crate::http) trait Measured: Serialize {
    /// The estimated length as JSON in bytes; rather too large than too small.
    fn about(&self) -> usize;
}

/// The estimated bytes of each, without its texts, which are counted.
const SUMMARY_BYTES: usize = 330;
const ITEM_BYTES: usize = 160;
const ENTRY_BYTES: usize = 150;
const PRODUCT_BYTES: usize = 200;
/// The estimated bytes around a list, with its cursor.
const LIST_BYTES: usize = 100;

/// An order with its items and history.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Order))]
pub(in crate::http) struct OrderBody<'a> {
    #[serde(flatten)]
    summary: SummaryBody<'a>,
    /// The statuses that it may change to.
    next_statuses: Vec<Status>,
    /// Its lines, with names and prices as they were when it was placed.
    items: Vec<ItemBody<'a>>,
    /// The changes of its status, oldest first.
    history: Vec<EntryBody<'a>>,
}

/// A page of orders, newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OrderList))]
pub(in crate::http) struct OrderList<'a> {
    /// The orders, newest first.
    #[serde(serialize_with = "summaries")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<SummaryBody<'static>>))]
    orders: &'a [OrderSummary],
    /// The cursor of the next page; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    next_cursor: Option<&'a str>,
}

/// A product.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Product))]
pub(in crate::http) struct ProductBody<'a> {
    /// Its id.
    id: ProductId,
    /// Its name.
    name: &'a str,
    /// The currency of the price.
    currency: Currency,
    /// The price in the minor unit of the currency: 1450 for 14.50 €.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    price_minor: i64,
    /// How many are in stock; may be up to five minutes old.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    stock: i32,
    /// Whether it can be ordered.
    active: bool,
    /// Rises by one with every change by staff.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    version: i64,
    /// When staff last changed it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    updated_at: Timestamp,
}

/// A page of products.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ProductList))]
pub(in crate::http) struct ProductList<'a> {
    /// The products, by id.
    #[serde(serialize_with = "products")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductBody<'static>>))]
    products: &'a [Product],
    /// The cursor of the next page; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    next_cursor: Option<&'a str>,
}

/// An order without its items and history.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OrderSummary))]
struct SummaryBody<'a> {
    /// Its id.
    id: OrderId,
    /// Its number, for people.
    number: &'a OrderNumber,
    /// Its status.
    status: Status,
    /// The name of the customer.
    customer_name: &'a str,
    /// The email address of the customer.
    customer_email: &'a str,
    /// The currency of all amounts.
    currency: Currency,
    /// The total in the minor unit of the currency: 1450 for 14.50 €.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    total_minor: i64,
    /// How many lines it has.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    item_count: i32,
    /// Rises by one with every change.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    version: i64,
    /// When it was placed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    created_at: Timestamp,
    /// When it last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    updated_at: Timestamp,
}

/// A line of an order.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OrderItem))]
struct ItemBody<'a> {
    /// The product.
    product_id: ProductId,
    /// Its name when the order was placed.
    name: &'a str,
    /// How many were ordered.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    quantity: i32,
    /// The price of one when the order was placed, in the minor unit of the currency.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    unit_price_minor: i64,
    /// The price of the line, in the minor unit of the currency.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    line_total_minor: i64,
}

/// A change of the status of an order.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = HistoryEntry))]
struct EntryBody<'a> {
    /// The status before; null when the order was placed.
    #[cfg_attr(feature = "openapi", schema(required))]
    from: Option<Status>,
    /// The status after.
    to: Status,
    /// When it changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    at: Timestamp,
    /// Who changed it: the `sub` of a token, or a part of the service.
    actor: &'a str,
    /// The correlation id of the request or job that changed it.
    correlation_id: &'a str,
    /// Why a change was refused; then `from` and `to` are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    reason: Option<&'a str>,
}

impl<'a> OrderBody<'a> {
    /// Renders `order`.
    ///
    /// # Errors
    /// [`AmountOutOfRange`] if the price of a line overflows, which no stored order's does.
    pub(in crate::http) fn new(order: &'a Order) -> Result<Self, AmountOutOfRange> {
        // Collecting into a `Result` loses the size hint.
        let mut items = Vec::with_capacity(order.items.len());
        for item in &order.items {
            items.push(ItemBody::new(item)?);
        }
        Ok(Self {
            summary: SummaryBody::from(&order.summary),
            next_statuses: order.summary.status.next().collect(),
            items,
            history: order.history.iter().map(EntryBody::from).collect(),
        })
    }
}

impl<'a> OrderList<'a> {
    /// Renders a page.
    pub(in crate::http) fn new(orders: &'a [OrderSummary], next_cursor: Option<&'a str>) -> Self {
        Self { orders, next_cursor }
    }
}

impl<'a> ProductList<'a> {
    /// Renders a page.
    pub(in crate::http) fn new(products: &'a [Product], next_cursor: Option<&'a str>) -> Self {
        Self { products, next_cursor }
    }
}

impl Measured for OrderBody<'_> {
    fn about(&self) -> usize {
        let texts = |entry: &EntryBody<'_>| {
            entry.actor.len() + entry.correlation_id.len() + entry.reason.map_or(0, str::len)
        };
        let items = self.items.iter().map(|item| ITEM_BYTES + item.name.len());
        let history = self.history.iter().map(|entry| ENTRY_BYTES + texts(entry));
        LIST_BYTES + self.summary.about() + items.sum::<usize>() + history.sum::<usize>()
    }
}

impl Measured for SummaryBody<'_> {
    fn about(&self) -> usize {
        SUMMARY_BYTES + self.customer_name.len() + self.customer_email.len()
    }
}

impl Measured for OrderList<'_> {
    fn about(&self) -> usize {
        let orders = self.orders.iter().map(|order| SummaryBody::from(order).about());
        LIST_BYTES + orders.sum::<usize>()
    }
}

impl Measured for ProductBody<'_> {
    fn about(&self) -> usize {
        PRODUCT_BYTES + self.name.len()
    }
}

impl Measured for ProductList<'_> {
    fn about(&self) -> usize {
        let products = self.products.iter().map(|product| ProductBody::from(product).about());
        LIST_BYTES + products.sum::<usize>()
    }
}

/// Serializes the orders one by one, without a list of bodies.
fn summaries<S: Serializer>(orders: &[OrderSummary], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(orders.iter().map(SummaryBody::from))
}

/// Serializes the products one by one.
fn products<S: Serializer>(products: &[Product], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(products.iter().map(ProductBody::from))
}

impl<'a> From<&'a Product> for ProductBody<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: product.id,
            name: &product.name,
            currency: product.price.currency(),
            price_minor: product.price.minor(),
            stock: product.stock.get(),
            active: product.active,
            version: product.version.get(),
            updated_at: product.updated_at,
        }
    }
}

impl<'a> From<&'a OrderSummary> for SummaryBody<'a> {
    fn from(order: &'a OrderSummary) -> Self {
        Self {
            id: order.id,
            number: &order.number,
            status: order.status,
            customer_name: &order.customer_name,
            customer_email: &order.customer_email,
            currency: order.total.currency(),
            total_minor: order.total.minor(),
            item_count: order.item_count,
            version: order.version.get(),
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

impl<'a> ItemBody<'a> {
    fn new(item: &'a OrderItem) -> Result<Self, AmountOutOfRange> {
        Ok(Self {
            product_id: item.product_id,
            name: &item.name,
            quantity: item.quantity,
            unit_price_minor: item.unit_price.minor(),
            line_total_minor: item.unit_price.times(item.quantity)?.minor(),
        })
    }
}

impl<'a> From<&'a HistoryEntry> for EntryBody<'a> {
    fn from(entry: &'a HistoryEntry) -> Self {
        Self {
            from: entry.from,
            to: entry.to,
            at: entry.at,
            actor: &entry.actor,
            correlation_id: &entry.correlation_id,
            reason: entry.reason.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Money, Stock, Version};

    fn now() -> Timestamp {
        "2026-02-21T12:00:00.123456Z".parse().unwrap()
    }

    /// An order with the longest numbers, and `text` for every text.
    fn order(text: &str) -> Order {
        let currency = Currency::parse("EUR").unwrap();
        let id = OrderId::generate();
        Order {
            summary: OrderSummary {
                id,
                number: id.number(),
                status: Status::Confirmed,
                customer_name: text.to_owned(),
                customer_email: text.to_owned(),
                total: Money::new(i64::MAX, currency).unwrap(),
                item_count: 100,
                version: Version::new(999).unwrap(),
                created_at: now(),
                updated_at: now(),
            },
            items: vec![
                OrderItem {
                    product_id: ProductId::from(Uuid::from_u128(7)),
                    name: text.to_owned(),
                    unit_price: Money::new(i64::MAX / 10_000, currency).unwrap(),
                    quantity: 10_000,
                };
                100
            ],
            history: vec![
                HistoryEntry {
                    from: Some(Status::Confirmed),
                    to: Status::Confirmed,
                    at: now(),
                    actor: text.to_owned(),
                    correlation_id: text.to_owned(),
                    reason: Some(text.to_owned()),
                };
                10
            ],
        }
    }

    fn assert_fits(body: &impl Measured) {
        let (about, length) = (body.about(), serde_json::to_vec(body).unwrap().len());
        assert!(length <= about, "{length} bytes do not fit {about}");
        assert!(about < 2 * length, "{about} bytes for {length}");
    }

    #[test]
    fn what_is_rendered_fits_the_buffer_that_was_made_for_it() {
        for text in ["Ada Lovelace", &"\u{20ac}".repeat(66)] {
            let order = order(text);
            let summaries = vec![order.summary.clone(); 100];
            let product = Product {
                id: ProductId::from(Uuid::from_u128(7)),
                name: text.to_owned(),
                price: order.summary.total,
                stock: Stock::new(i32::MAX).unwrap(),
                active: false,
                version: Version::new(999).unwrap(),
                updated_at: now(),
            };
            assert_fits(&OrderBody::new(&order).unwrap());
            assert_fits(&OrderList::new(&summaries, Some(&"c".repeat(44))));
            assert_fits(&ProductBody::from(&product));
            assert_fits(&ProductList::new(&vec![product; 100], Some(&"c".repeat(44))));
        }
    }
}
