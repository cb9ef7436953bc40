//! Replies with orders.

use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::reply::{NextPage, Reply};
use crate::Error;
use crate::domain::{
    AmountOutOfRange, Currency, HistoryEntry, Order, OrderId, OrderItem, OrderNumber, OrderSummary,
    ProductId, Status,
};

impl Reply {
    /// A reply with an order and its `ETag`. Clients must revalidate a cached copy.
    ///
    /// # Errors
    /// [`Error::AmountOutOfRange`], which no stored order has.
    pub fn order(status: StatusCode, order: &Order) -> Result<Self, Error> {
        let reply = Self::json(status, &OrderBody::new(order)?);
        Ok(reply
            .with(ETAG, order_tag(&order.summary))
            .with(CACHE_CONTROL, "private, no-cache".to_owned()))
    }

    /// A reply with a page of orders.
    pub(in crate::http) fn orders(orders: &[OrderSummary], next: Option<&NextPage>) -> Self {
        Self::list(&OrderList::new(orders, next.map(|next| next.cursor.as_str())), next)
    }
}

/// The `ETag` of an order: its version.
fn order_tag(order: &OrderSummary) -> String {
    format!("\"{}\"", order.version)
}

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

/// Serializes the orders one by one, without a list of bodies.
fn summaries<S: Serializer>(orders: &[OrderSummary], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(orders.iter().map(SummaryBody::from))
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
