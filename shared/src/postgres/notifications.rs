//! Notifications: claiming them with their orders, and recording their outcomes.

use std::collections::HashMap;

use serde::Deserialize;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::connection::Database;
use super::error::unexpected;
use super::rows::{currency, money, number};
use super::statements::{CLAIM_NOTIFICATIONS, SETTLE_NOTIFICATION};
use crate::Error;
use crate::app::{Claimed, KeepNotifications, MailLine, MailOrder, Notification, Settlement};
use crate::domain::{Currency, CustomerEmail, Money, OrderId, Status};

impl KeepNotifications for Database {
    async fn claim(
        &self,
        claim: Uuid,
        wanted: &[Notification],
    ) -> Result<HashMap<Notification, Claimed>, Error> {
        let ids: Vec<Uuid> = wanted.iter().map(|it| it.order_id.as_uuid()).collect();
        let events: Vec<&str> = wanted.iter().map(|it| it.status.event()).collect();
        let lease = self.timing().mail_lease.as_secs_f64();
        let rows = self.query(CLAIM_NOTIFICATIONS, &[&ids, &events, &claim, &lease]).await?;
        rows.iter().map(claimed).collect()
    }

    async fn settle(
        &self,
        notification: Notification,
        settlement: &Settlement,
    ) -> Result<(), Error> {
        let (outcome, message_id, reason) = match settlement {
            Settlement::Sent(message_id) => ("sent", Some(message_id), None),
            Settlement::Refused(reason) => ("refused", None, Some(reason)),
            Settlement::NoAddress => ("no_address", None, None),
        };
        let (id, event) = (notification.order_id.as_uuid(), notification.status.event());
        self.query(SETTLE_NOTIFICATION, &[&id, &event, &outcome, &message_id, &reason]).await?;
        Ok(())
    }
}

fn claimed(row: &Row) -> Result<(Notification, Claimed), Error> {
    let id: Uuid = row.try_get("order_id").map_err(unexpected)?;
    let event: &str = row.try_get("event").map_err(unexpected)?;
    let status = Status::of_event(event).ok_or_else(|| unexpected("unknown event"))?;
    let claimed = if row.try_get("claimed").map_err(unexpected)? {
        Claimed::Yours(Box::new(order(row)?))
    } else if row.try_get("settled").map_err(unexpected)? {
        Claimed::Settled
    } else {
        Claimed::Busy
    };
    Ok((Notification { order_id: OrderId::from(id), status }, claimed))
}

fn order(row: &Row) -> Result<MailOrder, Error> {
    let currency = currency(row)?;
    let Json(items): Json<Vec<Item>> = row.try_get("items").map_err(unexpected)?;
    let lines: Result<_, _> = items.into_iter().map(|item| line(item, currency)).collect();
    let address = |column: &str| {
        let text: Option<&str> = row.try_get(column).map_err(unexpected)?;
        Ok::<_, Error>(text.and_then(|text| CustomerEmail::parse(text).ok()))
    };
    Ok(MailOrder {
        number: number(row)?,
        customer_name: row.try_get("customer_name").map_err(unexpected)?,
        customer_email: address("customer_email")?,
        proven_email: address("proven_email")?,
        lines: lines?,
        total: money(row, "total_minor")?,
    })
}

/// An item as `claim_notifications.sql` builds it.
#[derive(Deserialize)]
struct Item {
    name: String,
    unit_price_minor: i64,
    quantity: i32,
}

fn line(item: Item, currency: Currency) -> Result<MailLine, Error> {
    let unit_price = Money::new(item.unit_price_minor, currency).map_err(unexpected)?;
    Ok(MailLine {
        name: item.name,
        quantity: item.quantity,
        price: unit_price.times(item.quantity).map_err(unexpected)?,
    })
}
