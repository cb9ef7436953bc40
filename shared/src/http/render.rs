//! Orders and products as clients see them.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::domain::{
    AmountOutOfRange, Currency, HistoryEntry, Order, OrderId, OrderItem, OrderNumber, OrderSummary,
    Product, ProductId, Status,
};

/// A body that knows about how long it is, so that it is written into one buffer that never grows.
/// It may be wrong: then the buffer grows, or a part of it stays empty.
pub(super) trait Measured: Serialize {
    /// About how many bytes it has as JSON, and rather more than less.
    fn about(&self) -> usize;
}

/// About how many bytes the names, the numbers, the ids and the times in each of them take; the texts
/// in them are counted.
const SUMMARY_BYTES: usize = 330;
const ITEM_BYTES: usize = 160;
const ENTRY_BYTES: usize = 150;
const PRODUCT_BYTES: usize = 200;
/// What stands around a list, with its cursor.
const LIST_BYTES: usize = 100;

/// An order with its items and its history.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Order))]
pub(super) struct OrderBody<'a> {
    #[serde(flatten)]
    summary: SummaryBody<'a>,
    /// What it may become from here.
    next_statuses: Vec<Status>,
    /// Its lines, as they were when it was placed.
    items: Vec<ItemBody<'a>>,
    /// Every step of its life, the first one first.
    history: Vec<EntryBody<'a>>,
}

/// A page of orders, newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OrderList))]
pub(super) struct OrderList<'a> {
    /// Newest first.
    #[serde(serialize_with = "summaries")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<SummaryBody<'static>>))]
    orders: &'a [OrderSummary],
    /// Where the next page begins; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    next_cursor: Option<&'a str>,
}

/// One product.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Product))]
pub(super) struct ProductBody<'a> {
    /// Names the product.
    id: ProductId,
    /// What it is called.
    name: &'a str,
    /// Of the price.
    currency: Currency,
    /// In the currency's minor unit: 1450 EUR are 14.50 €.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    price_minor: i64,
    /// How many are left, up to five minutes ago; whether they can be had, the order decides.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    stock: i32,
    /// Whether it can be ordered.
    active: bool,
    /// One higher with every change by staff.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    version: i64,
    /// When that was changed last.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    updated_at: Timestamp,
}

/// A page of products.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ProductList))]
pub(super) struct ProductList<'a> {
    /// In the order of their ids.
    #[serde(serialize_with = "products")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductBody<'static>>))]
    products: &'a [Product],
    /// Where the next page begins; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    next_cursor: Option<&'a str>,
}

/// An order without its items and its history.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OrderSummary))]
struct SummaryBody<'a> {
    /// Names the order.
    id: OrderId,
    /// Names the order, for people.
    number: &'a OrderNumber,
    /// Where it is in its life.
    status: Status,
    /// Who receives it.
    customer_name: &'a str,
    /// Where to write to.
    customer_email: &'a str,
    /// Of all amounts.
    currency: Currency,
    /// In the currency's minor unit: 1450 EUR are 14.50 €.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    total_minor: i64,
    /// How many lines it has.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    item_count: i32,
    /// One higher with every change.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    version: i64,
    /// When it was placed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    created_at: Timestamp,
    /// When it changed last.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    updated_at: Timestamp,
}

/// A line of an order.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OrderItem))]
struct ItemBody<'a> {
    /// Which product.
    product_id: ProductId,
    /// What it was called.
    name: &'a str,
    /// How many.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    quantity: i32,
    /// What one cost, in the minor unit of the order's currency.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    unit_price_minor: i64,
    /// What the line cost.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    line_total_minor: i64,
}

/// A step in the life of an order.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = HistoryEntry))]
struct EntryBody<'a> {
    /// What the order was; null where it was placed.
    #[cfg_attr(feature = "openapi", schema(required))]
    from: Option<Status>,
    /// What it became.
    to: Status,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    at: Timestamp,
    /// Who did it: the `sub` of a token, or a part of the service.
    actor: &'a str,
    /// Of the request or the job that did it.
    correlation_id: &'a str,
    /// Why nothing came of a step; then `from` and `to` are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    reason: Option<&'a str>,
}

impl<'a> OrderBody<'a> {
    /// Renders `order`.
    ///
    /// # Errors
    /// [`AmountOutOfRange`], if a line's total does not fit, as no stored order's does.
    pub(super) fn new(order: &'a Order) -> Result<Self, AmountOutOfRange> {
        // Collected as a `Result`, they would not be expected to be so many.
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
    pub(super) fn new(orders: &'a [OrderSummary], next_cursor: Option<&'a str>) -> Self {
        Self { orders, next_cursor }
    }
}

impl<'a> ProductList<'a> {
    /// Renders a page.
    pub(super) fn new(products: &'a [Product], next_cursor: Option<&'a str>) -> Self {
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

/// Writes one entry after the other, with no list of all of them in between.
fn summaries<S: Serializer>(orders: &[OrderSummary], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(orders.iter().map(SummaryBody::from))
}

/// The same for products.
fn products<S: Serializer>(products: &[Product], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(products.iter().map(ProductBody::from))
}

impl<'a> From<&'a Product> for ProductBody<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: product.id,
            name: &product.name,
            currency: product.price.currency,
            price_minor: product.price.minor,
            stock: product.stock,
            active: product.active,
            version: product.version,
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
            currency: order.total.currency,
            total_minor: order.total.minor,
            item_count: order.item_count,
            version: order.version,
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
            unit_price_minor: item.unit_price.minor,
            line_total_minor: item.unit_price.times(item.quantity)?.minor,
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
    use crate::domain::Money;

    fn now() -> Timestamp {
        "2026-02-21T12:00:00.123456Z".parse().unwrap()
    }

    /// With every number as long as it gets, and `text` for every text.
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
                total: Money { minor: i64::MAX, currency },
                item_count: 100,
                version: 999,
                created_at: now(),
                updated_at: now(),
            },
            items: vec![
                OrderItem {
                    product_id: ProductId::from(Uuid::from_u128(7)),
                    name: text.to_owned(),
                    unit_price: Money { minor: i64::MAX / 10_000, currency },
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
                stock: i32::MAX,
                active: false,
                version: 999,
                updated_at: now(),
            };
            assert_fits(&OrderBody::new(&order).unwrap());
            assert_fits(&OrderList::new(&summaries, Some(&"c".repeat(44))));
            assert_fits(&ProductBody::from(&product));
            assert_fits(&ProductList::new(&vec![product; 100], Some(&"c".repeat(44))));
        }
    }
}
