//! Orders: placing, reading, changing, confirming.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::connection::Answer;
use super::error::{ORDERS_NUMBER_KEY, ORDERS_PKEY, unexpected};
use super::{
    CHANGE_STATUS, CONFIRM_ORDERS, Database, GET_ORDER, GET_STATUSES, PLACE_ORDER, REFUSE_ORDERS,
};
use crate::Error;
use crate::app::{
    Change, ChangeOrders, Claim, ConfirmOrders, Context, FoundLine, FoundProduct, FulfillmentJob,
    ListOrders, PlaceOrders, Placement, ReadOrder, Refusal, RefuseOrders,
};
use crate::domain::{
    Currency, CustomerEmail, HistoryEntry, Money, NewOrder, Order, OrderId, OrderItem, OrderLine,
    OrderNumber, OrderQuery, OrderSummary, Owner, Page, ProductId, Status, Stock, Version, Visible,
};

use crate::error::OwnerLimit;

/// The actor of a confirmation in an order's history.
const FULFILLMENT: &str = "fulfill-order";

/// The period of [`OwnerLimits::per_minute`](crate::config::OwnerLimits).
const OWNER_PERIOD: Duration = Duration::from_mins(1);

/// The route of idempotency keys of new orders.
const PLACE_ROUTE: &str = "POST /orders";

impl ReadOrder for Database {
    async fn order(&self, visible: Visible<'_>, id: OrderId) -> Result<Option<Order>, Error> {
        let owner = visible.owner().map(Owner::as_str);
        let rows = self.query(GET_ORDER, &[&owner, &id.as_uuid()]).await?;
        rows.first().map(order).transpose()
    }
}

impl ListOrders for Database {
    async fn orders(
        &self,
        visible: Visible<'_>,
        query: &OrderQuery,
    ) -> Result<Page<OrderSummary>, Error> {
        let rows = self.page_of_orders(visible, query).await?;
        // Collecting into a `Result` loses the size hint.
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            found.push(summary(row)?);
        }
        Ok(Page::new(found, query.limit))
    }
}

impl PlaceOrders for Database {
    async fn place(
        &self,
        id: OrderId,
        order: &NewOrder,
        claim: Option<&Claim>,
        context: &Context,
    ) -> Result<Placement, Error> {
        let (placement, repeated) = self.place_once(id, order, claim, context).await?;
        let taken = matches!(placement, Placement::NumberTaken);
        let unsure = matches!(placement, Placement::Refused(_) | Placement::KeyInFlight);
        // The order may already be stored by an attempt whose answer was lost.
        if taken || (unsure && repeated) {
            let stored = self.order(Visible::Of(context.caller.subject()), id).await?;
            if let Some(stored) = stored {
                return Ok(Placement::Placed(as_placed(stored)));
            }
        }
        // Or by a request with the same key, for which this one waited. Run again, it sees that
        // order.
        if unsure && claim.is_some() {
            let (again, _) = self.place_once(id, order, claim, context).await?;
            return Ok(again);
        }
        Ok(placement)
    }
}

impl Database {
    /// Runs the statement, and returns its rows and whether it ran twice.
    async fn place_once(
        &self,
        id: OrderId,
        order: &NewOrder,
        claim: Option<&Claim>,
        context: &Context,
    ) -> Result<(Placement, bool), Error> {
        let number = id.number();
        let owner = context.caller.subject();
        let products: Vec<Uuid> =
            order.lines().iter().map(|line| line.product_id.as_uuid()).collect();
        let quantities: Vec<i32> = order.lines().iter().map(|line| line.quantity).collect();
        let limits = self.owner_limits();
        let placed = self
            .run(
                PLACE_ORDER,
                &[
                    &id.as_uuid(),
                    &number.as_str(),
                    &owner.as_str(),
                    &order.customer_name.as_str(),
                    &order.customer_email.as_str(),
                    &context.correlation_id.as_str(),
                    &products,
                    &quantities,
                    &context.traceparent,
                    &self.timing().job_grace.as_secs_f64(),
                    &claim.map(|claim| claim.key.as_str()),
                    &PLACE_ROUTE,
                    &claim.map(|claim| claim.request_hash.as_slice()),
                    &self.timing().idempotency_retention.as_secs_f64(),
                    &limits.pending,
                    &limits.per_minute,
                    &id.first_within(OWNER_PERIOD).as_uuid(),
                    &context.caller.proven_email().map(CustomerEmail::as_str),
                ],
            )
            .await;
        let Answer { rows, repeated } = match placed {
            Ok(answer) => answer,
            // Which constraint is reported depends on the age of the indexes.
            Err(error) if error.violates(&[ORDERS_PKEY, ORDERS_NUMBER_KEY]) => {
                return Ok((Placement::NumberTaken, false));
            }
            Err(error) => return Err(error.into()),
        };
        let first = rows.first().ok_or_else(|| unexpected("no verdict on the order"))?;
        let placement = match first.try_get("outcome").map_err(unexpected)? {
            "placed" => Placement::Placed(placed_order(id, number, order, context, &rows)?),
            "refused" => Placement::Refused(rows.iter().map(found_line).collect::<Result<_, _>>()?),
            "replay" => {
                let earlier: Uuid = first.try_get("earlier_order_id").map_err(unexpected)?;
                let earlier = OrderId::from(earlier);
                let stored = self.order(Visible::Of(owner), earlier).await?;
                let stored = stored.ok_or_else(|| unexpected("a key without its order"))?;
                // Its own key: the first attempt was stored, then the connection broke.
                let outcome = if earlier == id { Placement::Placed } else { Placement::Replayed };
                outcome(as_placed(stored))
            }
            "reused" => Placement::KeyReused,
            "in_flight" => Placement::KeyInFlight,
            "pending_limit" => Placement::OwnerLimit(OwnerLimit::Pending(limits.pending)),
            "minute_limit" => Placement::OwnerLimit(OwnerLimit::PerMinute(limits.per_minute)),
            other => return Err(unexpected(format!("unknown outcome {other}"))),
        };
        Ok((placement, repeated))
    }
}

/// Whether the history shows that an earlier attempt made this change: to the version after `seen`,
/// or to any version without it.
fn was_made(order: &Order, status: Status, seen: Option<Version>, context: &Context) -> bool {
    (1..).zip(&order.history).any(|(version, entry)| {
        seen.is_none_or(|seen| version == seen.next().get())
            && entry.to == status
            && entry.from != Some(status)
            && entry.actor == context.caller.subject().as_str()
            && entry.correlation_id == context.correlation_id.as_str()
    })
}

/// The order as it was placed, none of which ever changes.
fn as_placed(mut order: Order) -> Order {
    order.history.truncate(1);
    order.summary.status = Status::Pending;
    order.summary.version = Version::FIRST;
    order.summary.updated_at = order.summary.created_at;
    order
}

impl ChangeOrders for Database {
    async fn change(
        &self,
        visible: Visible<'_>,
        id: OrderId,
        status: Status,
        seen: Option<Version>,
        context: &Context,
    ) -> Result<Option<Change>, Error> {
        let owner = visible.owner().map(Owner::as_str);
        let origins: Vec<&str> = status.origins().map(Status::as_str).collect();
        let ask = async || {
            let answer = self
                .run(
                    CHANGE_STATUS,
                    &[
                        &owner,
                        &id.as_uuid(),
                        &seen.map(Version::get),
                        &status.as_str(),
                        &origins,
                        &context.caller.subject().as_str(),
                        &context.correlation_id.as_str(),
                        &status.event(),
                    ],
                )
                .await?;
            let change = answer.rows.first().map(change).transpose()?;
            Ok::<_, Error>((change, answer.repeated))
        };
        let (first, repeated) = ask().await?;
        let Some(mut change) = first else { return Ok(None) };
        if !change.order.has_whole_history() {
            // The statement waited for another change and read an older history: after a wait it
            // sees the newest version of locked rows only. Run again, it changes nothing and sees
            // everything.
            let (again, _) = ask().await?;
            let Some(again) = again else { return Ok(None) };
            change = Change { made: change.made, ..again };
        }
        // An earlier attempt, whose answer was lost, may have made the change.
        if repeated && !change.made {
            change.made = was_made(&change.order, status, seen, context);
        }
        Ok(Some(change))
    }
}

impl ConfirmOrders for Database {
    async fn confirm(&self, jobs: &[FulfillmentJob]) -> Result<HashMap<OrderId, Status>, Error> {
        let ids: Vec<Uuid> = jobs.iter().map(|job| job.order_id.as_uuid()).collect();
        let correlation_ids: Vec<&str> =
            jobs.iter().map(|job| job.correlation_id.as_str()).collect();
        let rows = self.query(CONFIRM_ORDERS, &[&ids, &correlation_ids, &FULFILLMENT]).await?;
        statuses(&rows)
    }
}

impl RefuseOrders for Database {
    async fn statuses(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        statuses(&self.query(GET_STATUSES, &[&ids]).await?)
    }

    async fn refuse(&self, refusals: &[Refusal<'_>]) -> Result<HashMap<OrderId, Status>, Error> {
        let before = self.refuse_once(refusals).await?;
        // The statement waited for another that changed one of the orders, so it read an older
        // history. Run again, it sees that, and the refusals that it has already written.
        let all = refusals.iter().all(|refusal| before.contains_key(&refusal.job.order_id));
        if all { Ok(before) } else { self.refuse_once(refusals).await }
    }
}

impl Database {
    async fn refuse_once(
        &self,
        refusals: &[Refusal<'_>],
    ) -> Result<HashMap<OrderId, Status>, Error> {
        let ids: Vec<Uuid> = refusals.iter().map(|it| it.job.order_id.as_uuid()).collect();
        let correlation_ids: Vec<&str> =
            refusals.iter().map(|it| it.job.correlation_id.as_str()).collect();
        let reasons: Vec<&str> = refusals.iter().map(|it| it.reason.as_str()).collect();
        let rows =
            self.query(REFUSE_ORDERS, &[&ids, &correlation_ids, &reasons, &FULFILLMENT]).await?;
        statuses(&rows)
    }
}

/// The order that the statement has stored.
fn placed_order(
    id: OrderId,
    number: OrderNumber,
    order: &NewOrder,
    context: &Context,
    rows: &[Row],
) -> Result<Order, Error> {
    let items: Vec<OrderItem> = rows.iter().map(placed_item).collect::<Result<_, _>>()?;
    let (Some(row), Some(item)) = (rows.first(), items.first()) else {
        return Err(unexpected("an order without items"));
    };
    let placed_at: Timestamp = row.try_get("placed_at").map_err(unexpected)?;
    let minor = row.try_get("total_minor").map_err(unexpected)?;
    let summary = OrderSummary {
        id,
        number,
        status: Status::Pending,
        customer_name: order.customer_name.as_str().to_owned(),
        customer_email: order.customer_email.as_str().to_owned(),
        total: Money::new(minor, item.unit_price.currency()).map_err(unexpected)?,
        item_count: i32::try_from(items.len()).map_err(unexpected)?,
        version: Version::FIRST,
        created_at: placed_at,
        updated_at: placed_at,
    };
    let history = vec![HistoryEntry {
        from: None,
        to: Status::Pending,
        at: placed_at,
        actor: context.caller.subject().as_str().to_owned(),
        correlation_id: context.correlation_id.as_str().to_owned(),
        reason: None,
    }];
    Ok(Order { summary, items, history })
}

fn placed_item(row: &Row) -> Result<OrderItem, Error> {
    let id: Uuid = row.try_get("product_id").map_err(unexpected)?;
    Ok(OrderItem {
        product_id: ProductId::from(id),
        name: row.try_get("name").map_err(unexpected)?,
        unit_price: money(row, "price_minor")?,
        quantity: row.try_get("quantity").map_err(unexpected)?,
    })
}

fn found_line(row: &Row) -> Result<FoundLine, Error> {
    let id: Uuid = row.try_get("product_id").map_err(unexpected)?;
    let quantity = row.try_get("quantity").map_err(unexpected)?;
    let name: Option<String> = row.try_get("name").map_err(unexpected)?;
    let product = match name {
        None => None,
        Some(name) => Some(FoundProduct { name, currency: currency(row)?, stock: stock(row)? }),
    };
    let line = OrderLine { product_id: ProductId::from(id), quantity };
    Ok(FoundLine { line, product })
}

fn summary(row: &Row) -> Result<OrderSummary, Error> {
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

fn order(row: &Row) -> Result<Order, Error> {
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

fn change(row: &Row) -> Result<Change, Error> {
    Ok(Change { order: order(row)?, made: row.try_get("changed").map_err(unexpected)? })
}

/// An item as `get_order.sql` builds it.
#[derive(Deserialize)]
struct StoredItem {
    product_id: ProductId,
    name: String,
    unit_price_minor: i64,
    quantity: i32,
}

/// The amount in column `minor`, in the currency of the row.
pub(super) fn money(row: &Row, minor: &str) -> Result<Money, Error> {
    Money::new(row.try_get(minor).map_err(unexpected)?, currency(row)?).map_err(unexpected)
}

pub(super) fn stock(row: &Row) -> Result<Stock, Error> {
    let pieces = row.try_get("stock").map_err(unexpected)?;
    Stock::new(pieces).ok_or_else(|| unexpected(format!("stock {pieces} is negative")))
}

pub(super) fn number(row: &Row) -> Result<OrderNumber, Error> {
    let number: String = row.try_get("number").map_err(unexpected)?;
    number.try_into().map_err(unexpected)
}

pub(super) fn version(row: &Row) -> Result<Version, Error> {
    let number = row.try_get("version").map_err(unexpected)?;
    Version::new(number).ok_or_else(|| unexpected(format!("version {number} is not positive")))
}

pub(super) fn currency(row: &Row) -> Result<Currency, Error> {
    Currency::parse(row.try_get("currency").map_err(unexpected)?).map_err(unexpected)
}

/// The status of each order. One whose status is unknown is not in the map.
fn statuses(rows: &[Row]) -> Result<HashMap<OrderId, Status>, Error> {
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

fn status(text: &str) -> Result<Status, Error> {
    Status::parse(text).ok_or_else(|| unexpected(format!("unknown status {text}")))
}
