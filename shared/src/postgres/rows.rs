//! Decodes rows into types of the domain. Each function reads columns by their names.

use std::collections::HashMap;

use serde::Deserialize;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::error::unexpected;
use crate::Error;
use crate::domain::{
    Buckets, Currency, HistoryEntry, Money, Order, OrderId, OrderItem, OrderNumber, OrderSummary,
    ProductId, Status, Stock, Version,
};

/// An order with its items and history.
pub(super) fn order(row: &Row) -> Result<Order, Error> {
    let summary = summary(row)?;
    let Json(stored): Json<Vec<StoredItem>> = row.try_get("items").map_err(unexpected)?;
    let Json(history): Json<Vec<HistoryEntry>> = row.try_get("history").map_err(unexpected)?;
    let currency = summary.total.currency();
    let mut items = Vec::with_capacity(stored.len());
    for item in stored {
        items.push(OrderItem {
            product_id: item.product_id,
            name: item.name,
            unit_price: Money::new(item.unit_price_minor, currency).map_err(unexpected)?,
            quantity: item.quantity,
        });
    }
    Ok(Order { summary, items, history })
}

/// An item as the SQL function `item_json` builds it.
#[derive(Deserialize)]
struct StoredItem {
    product_id: ProductId,
    name: String,
    unit_price_minor: i64,
    quantity: i32,
}

/// An order without its items and history.
pub(super) fn summary(row: &Row) -> Result<OrderSummary, Error> {
    let id: Uuid = row.try_get("id").map_err(unexpected)?;
    Ok(OrderSummary {
        id: OrderId::from(id),
        number: number(row)?,
        status: status(row.try_get("status").map_err(unexpected)?)?,
        customer_name: row.try_get("customer_name").map_err(unexpected)?,
        customer_email: row.try_get("customer_email").map_err(unexpected)?,
        total: money(row, "total_minor")?,
        item_count: row.try_get("item_count").map_err(unexpected)?,
        version: version(row)?,
        created_at: row.try_get("created_at").map_err(unexpected)?,
        updated_at: row.try_get("updated_at").map_err(unexpected)?,
    })
}

/// The status of each order. An order whose status is unknown is not in the map.
pub(super) fn statuses(rows: &[Row]) -> Result<HashMap<OrderId, Status>, Error> {
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let id: Uuid = row.try_get("order_id").map_err(unexpected)?;
        let was: Option<&str> = row.try_get("was").map_err(unexpected)?;
        if let Some(was) = was {
            found.insert(OrderId::from(id), status(was)?);
        }
    }
    Ok(found)
}

/// The amount in column `minor`, in the currency of the row.
pub(super) fn money(row: &Row, minor: &str) -> Result<Money, Error> {
    Money::new(row.try_get(minor).map_err(unexpected)?, currency(row)?).map_err(unexpected)
}

pub(super) fn currency(row: &Row) -> Result<Currency, Error> {
    Currency::parse(row.try_get("currency").map_err(unexpected)?).map_err(unexpected)
}

pub(super) fn stock(row: &Row) -> Result<Stock, Error> {
    let pieces = row.try_get("stock").map_err(unexpected)?;
    Stock::new(pieces).ok_or_else(|| unexpected(format!("stock {pieces} is negative")))
}

pub(super) fn buckets(row: &Row) -> Result<Buckets, Error> {
    let number = row.try_get("stock_buckets").map_err(unexpected)?;
    Buckets::new(number).ok_or_else(|| unexpected(format!("{number} buckets")))
}

pub(super) fn version(row: &Row) -> Result<Version, Error> {
    let number = row.try_get("version").map_err(unexpected)?;
    Version::new(number).ok_or_else(|| unexpected(format!("version {number} is not positive")))
}

pub(super) fn number(row: &Row) -> Result<OrderNumber, Error> {
    let number: String = row.try_get("number").map_err(unexpected)?;
    number.try_into().map_err(unexpected)
}

fn status(text: &str) -> Result<Status, Error> {
    Status::parse(text).ok_or_else(|| unexpected(format!("unknown status {text}")))
}
