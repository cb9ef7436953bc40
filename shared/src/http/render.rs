//! Orders and products as clients see them.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{
    AmountOutOfRange, Currency, HistoryEntry, Order, OrderId, OrderItem, OrderNumber, OrderSummary,
    Product, ProductId, Status,
};

/// An order with its items and its history.
#[derive(Serialize)]
pub(super) struct OrderBody<'a> {
    #[serde(flatten)]
    summary: SummaryBody<'a>,
    next_statuses: Vec<Status>,
    items: Vec<ItemBody<'a>>,
    history: Vec<EntryBody<'a>>,
}

/// A page of orders, newest first.
#[derive(Serialize)]
pub(super) struct OrderList<'a> {
    orders: Vec<SummaryBody<'a>>,
    /// Null on the last page.
    next_cursor: Option<&'a str>,
}

/// One product.
#[derive(Serialize)]
pub(super) struct ProductBody<'a> {
    id: ProductId,
    name: &'a str,
    currency: Currency,
    price_minor: i64,
    stock: i32,
    active: bool,
    version: i64,
    updated_at: Timestamp,
}

/// A page of products.
#[derive(Serialize)]
pub(super) struct ProductList<'a> {
    products: Vec<ProductBody<'a>>,
    /// Null on the last page.
    next_cursor: Option<&'a str>,
}

#[derive(Serialize)]
struct SummaryBody<'a> {
    id: OrderId,
    number: &'a OrderNumber,
    status: Status,
    customer_name: &'a str,
    customer_email: &'a str,
    currency: Currency,
    total_minor: i64,
    item_count: i32,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct ItemBody<'a> {
    product_id: ProductId,
    name: &'a str,
    quantity: i32,
    unit_price_minor: i64,
    line_total_minor: i64,
}

#[derive(Serialize)]
struct EntryBody<'a> {
    from: Option<Status>,
    to: Status,
    at: Timestamp,
    actor: &'a str,
    correlation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> OrderBody<'a> {
    /// Renders `order`.
    ///
    /// # Errors
    /// [`AmountOutOfRange`], if a line's total does not fit, as no stored order's does.
    pub(super) fn new(order: &'a Order) -> Result<Self, AmountOutOfRange> {
        Ok(Self {
            summary: SummaryBody::from(&order.summary),
            next_statuses: order.summary.status.next().collect(),
            items: order.items.iter().map(ItemBody::new).collect::<Result<_, _>>()?,
            history: order.history.iter().map(EntryBody::from).collect(),
        })
    }
}

impl<'a> OrderList<'a> {
    /// Renders a page.
    pub(super) fn new(orders: &'a [OrderSummary], next_cursor: Option<&'a str>) -> Self {
        Self { orders: orders.iter().map(SummaryBody::from).collect(), next_cursor }
    }
}

impl<'a> ProductList<'a> {
    /// Renders a page.
    pub(super) fn new(products: &'a [Product], next_cursor: Option<&'a str>) -> Self {
        Self { products: products.iter().map(ProductBody::from).collect(), next_cursor }
    }
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
