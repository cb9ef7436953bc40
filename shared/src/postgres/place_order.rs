//! Placing an order.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::bucketed::TURNS;
use super::connection::{Answer, Database};
use super::error::{ORDERS_NUMBER_KEY, ORDERS_PKEY, QueryError, unavailable, unexpected};
use super::rows::{buckets, currency, money, stock};
use super::statements::{PLACE_ORDER, PLACE_ORDER_FROM_BUCKETS};
use crate::Error;
use crate::app::{Claim, Context, FoundLine, FoundProduct, PlaceOrders, Placement, ReadOrder};
use crate::domain::{
    CustomerEmail, HistoryEntry, Money, NewOrder, Order, OrderId, OrderItem, OrderLine,
    OrderNumber, OrderSummary, ProductId, Status, Version, Visible,
};
use crate::error::OwnerLimit;

/// The period of [`OwnerLimits::per_minute`](crate::config::OwnerLimits).
const OWNER_PERIOD: Duration = Duration::from_mins(1);

/// The route of idempotency keys of new orders.
const PLACE_ROUTE: &str = "POST /orders";

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
    /// Runs the statement. Returns its outcome, and whether the answer to an earlier attempt was
    /// lost.
    async fn place_once(
        &self,
        id: OrderId,
        order: &NewOrder,
        claim: Option<&Claim>,
        context: &Context,
    ) -> Result<(Placement, bool), Error> {
        let products: Vec<Uuid> =
            order.lines().iter().map(|line| line.product_id.as_uuid()).collect();
        let quantities: Vec<i32> = order.lines().iter().map(|line| line.quantity).collect();
        let number = id.number();
        let limits = self.owner_limits();
        let arguments: [&(dyn ToSql + Sync); 18] = [
            &id.as_uuid(),
            &number.as_str(),
            &context.caller.subject().as_str(),
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
        ];
        let placed = self.take(&arguments, order, id).await;
        match placed {
            Ok(Answer { rows, repeated }) => {
                Ok((self.placement(id, number, order, context, &rows).await?, repeated))
            }
            // Which constraint is reported depends on the age of the indexes.
            Err(error) if error.violates(&[ORDERS_PKEY, ORDERS_NUMBER_KEY]) => {
                Ok((Placement::NumberTaken, false))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Runs the statement that fits the products, as far as this process knows. If a product is missing
    /// for the one, the other decides.
    async fn take(
        &self,
        arguments: &[&(dyn ToSql + Sync)],
        order: &NewOrder,
        id: OrderId,
    ) -> Result<Answer, QueryError> {
        let mut repeated = false;
        if !self.bucketed().has_any(order.lines()) {
            let answer = self.run(PLACE_ORDER, arguments).await?;
            if !(is(&answer, "refused") && answer.rows.iter().any(is_missing)) {
                return Ok(answer);
            }
            repeated = answer.repeated;
        }
        for turn in 0..TURNS {
            // After the first turn, all buckets are locked.
            let (pick, all) = (id.pick(), turn > 0);
            let arguments = [arguments, &[&pick, &all]].concat();
            let answer = self.run(PLACE_ORDER_FROM_BUCKETS, &arguments).await?;
            repeated |= answer.repeated;
            self.learn(&answer.rows);
            if !is(&answer, "again") {
                return Ok(Answer { repeated, ..answer });
            }
        }
        let source = format!("buckets were changed by others {TURNS} times in a row");
        Err(QueryError::Unavailable(unavailable(source)))
    }

    /// Remembers which of the products have buckets.
    fn learn(&self, rows: &[Row]) {
        for row in rows {
            if let (Ok(id), Ok(buckets)) = (row.try_get::<_, Uuid>("product_id"), buckets(row)) {
                self.bucketed().learn(ProductId::from(id), buckets);
            }
        }
    }

    /// The outcome in the rows of the statement. A replay reads the earlier order.
    async fn placement(
        &self,
        id: OrderId,
        number: OrderNumber,
        order: &NewOrder,
        context: &Context,
        rows: &[Row],
    ) -> Result<Placement, Error> {
        let first = rows.first().ok_or_else(|| unexpected("no outcome of the order"))?;
        let limits = self.owner_limits();
        Ok(match first.try_get("outcome").map_err(unexpected)? {
            "placed" => Placement::Placed(placed_order(id, number, order, context, rows)?),
            "refused" => Placement::Refused(rows.iter().map(found_line).collect::<Result<_, _>>()?),
            "replay" => {
                let earlier: Uuid = first.try_get("earlier_order_id").map_err(unexpected)?;
                let earlier = OrderId::from(earlier);
                let stored = self.order(Visible::Of(context.caller.subject()), earlier).await?;
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
        })
    }
}

/// Whether this is the outcome.
fn is(answer: &Answer, outcome: &str) -> bool {
    answer
        .rows
        .first()
        .is_some_and(|row| row.try_get("outcome").is_ok_and(|it: &str| it == outcome))
}

/// Whether the statement did not find the product of this line.
fn is_missing(row: &Row) -> bool {
    row.try_get("name").is_ok_and(|name: Option<&str>| name.is_none())
}

/// Restores the order as first placed.
fn as_placed(mut order: Order) -> Order {
    order.history.truncate(1);
    order.summary.status = Status::Pending;
    order.summary.version = Version::FIRST;
    order.summary.updated_at = order.summary.created_at;
    order
}

/// The order that the statement has stored: what was requested, and what the database added.
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
