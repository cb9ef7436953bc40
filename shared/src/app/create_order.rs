//! Places an order and sends its job.

use std::collections::HashSet;

use super::context::Context;
use super::fulfillment_job::FulfillmentJob;
use crate::Error;
use crate::domain::{Currency, IdempotencyKey, NewOrder, Order, OrderId, OrderLine, Stock};
use crate::error::{OwnerLimit, Shortage};
use crate::trace;

/// The number of ids to try before a taken order number is an error. Two orders of one millisecond
/// have the same number with a chance of 1 in 2⁴⁸, so a third conflict means a bug.
const ID_TRIES: usize = 3;

/// Places orders.
pub trait PlaceOrders: Sync {
    /// Places `order` with id `id`: reserves its stock, writes its history and outbox rows, and
    /// claims its key. Or writes nothing. Placing the same id again returns the stored order.
    ///
    /// # Errors
    /// [`Error::AmountOutOfRange`], [`Error::Unavailable`] or [`Error::Internal`].
    fn place(
        &self,
        id: OrderId,
        order: &NewOrder,
        claim: Option<&Claim>,
        context: &Context,
    ) -> impl Future<Output = Result<Placement, Error>> + Send;
}

/// The outcome of placing an order.
#[derive(Debug)]
pub enum Placement {
    /// It is stored.
    Placed(Order),
    /// An earlier request with the same key stored it; this is the order as it was placed.
    Replayed(Order),
    /// The key was used for another request.
    KeyReused,
    /// A request with the same key is in progress.
    KeyInFlight,
    /// Some products are missing or short; these are the lines with their products.
    Refused(Vec<FoundLine>),
    /// Another order has its number or id.
    NumberTaken,
    /// The owner is at a limit.
    OwnerLimit(OwnerLimit),
}

/// A claim of an idempotency key.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The key, which belongs to this caller and route.
    pub key: IdempotencyKey,
    /// The SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// A line of a refused order, with its product.
#[derive(Debug)]
pub struct FoundLine {
    /// The line.
    pub line: OrderLine,
    /// The product; none if it does not exist or is not for sale.
    pub product: Option<FoundProduct>,
}

/// The part of a product that a refusal needs.
#[derive(Debug)]
pub struct FoundProduct {
    /// The name.
    pub name: String,
    /// The currency of the price.
    pub currency: Currency,
    /// The stock.
    pub stock: Stock,
}

/// Sends fulfillment jobs.
pub trait SendJobs: Sync {
    /// Sends a job, with a bounded number of tries.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after the last try.
    fn send(&self, job: &FulfillmentJob) -> impl Future<Output = Result<(), Error>> + Send;
}

/// An order that was placed.
#[derive(Debug)]
pub struct Created {
    /// The order as it was placed.
    pub order: Order,
    /// Whether an earlier request with the same key placed it.
    pub replayed: bool,
}

/// Places `order` for the caller and sends its fulfillment job.
///
/// The order is accepted once it is stored: if the queue is down, this only logs it.
///
/// # Errors
/// [`Error::UnknownProducts`], [`Error::InsufficientStock`], [`Error::MixedCurrencies`] or
/// [`Error::AmountOutOfRange`] for an order that can't be placed; [`Error::KeyReused`] or
/// [`Error::KeyInFlight`] for a key that is taken; [`Error::TooManyOrders`] for an owner at a
/// limit; [`Error::Unavailable`] or [`Error::Internal`] otherwise.
pub async fn create_order(
    orders: &impl PlaceOrders,
    queue: &impl SendJobs,
    order: &NewOrder,
    claim: Option<&Claim>,
    context: &Context,
) -> Result<Created, Error> {
    let created = place(orders, order, claim, context).await?;
    tracing::Span::current().record("order_id", created.order.summary.id.to_string());
    trace::about_order(&created.order.summary.id);
    if created.replayed {
        trace::replayed();
        tracing::info!("returned the order of an earlier request with the same key");
    } else {
        send_job(queue, &FulfillmentJob::new(&created.order, context)).await;
    }
    Ok(created)
}

/// Sends a job. A failure is only logged, because the relay sends the job from the outbox then.
pub async fn send_job(queue: &impl SendJobs, job: &FulfillmentJob) {
    if let Err(error) = queue.send(job).await {
        tracing::error!(error = error.chain(), "failed to send the job; the relay will retry");
    }
}

async fn place(
    orders: &impl PlaceOrders,
    order: &NewOrder,
    claim: Option<&Claim>,
    context: &Context,
) -> Result<Created, Error> {
    for _ in 0..ID_TRIES {
        match orders.place(OrderId::generate(), order, claim, context).await? {
            Placement::Placed(order) => return Ok(Created { order, replayed: false }),
            Placement::Replayed(order) => return Ok(Created { order, replayed: true }),
            Placement::KeyReused => return Err(Error::KeyReused),
            Placement::KeyInFlight => return Err(Error::KeyInFlight),
            Placement::OwnerLimit(limit) => return Err(Error::TooManyOrders(limit)),
            Placement::Refused(lines) => return Err(refusal(lines)),
            Placement::NumberTaken => {
                tracing::warn!("order number is taken; trying another");
            }
        }
    }
    Err(Error::internal(format!("{ID_TRIES} order numbers in a row were taken")))
}

/// The error for a refused order: missing products first, then currencies, then stock.
fn refusal(lines: Vec<FoundLine>) -> Error {
    let missing: Vec<_> = lines
        .iter()
        .filter(|found| found.product.is_none())
        .map(|found| found.line.product_id)
        .collect();
    if !missing.is_empty() {
        return Error::UnknownProducts(missing);
    }
    let found: Vec<_> =
        lines.into_iter().filter_map(|found| Some((found.line, found.product?))).collect();
    let currencies: HashSet<_> = found.iter().map(|(_, product)| product.currency).collect();
    if currencies.len() > 1 {
        return Error::MixedCurrencies;
    }
    let short = found
        .into_iter()
        .filter(|(line, product)| product.stock.get() < line.quantity)
        .map(|(line, product)| Shortage {
            product_id: line.product_id,
            name: product.name,
            requested: line.quantity,
            available: product.stock.get(),
        })
        .collect();
    Error::InsufficientStock(short)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ProductId;

    fn found(id: u128, quantity: i32, product: Option<(&str, i32)>) -> FoundLine {
        FoundLine {
            line: OrderLine { product_id: ProductId::from(Uuid::from_u128(id)), quantity },
            product: product.map(|(currency, stock)| FoundProduct {
                name: format!("product {id}"),
                currency: Currency::parse(currency).unwrap(),
                stock: Stock::new(stock).unwrap(),
            }),
        }
    }

    #[test]
    fn a_refusal_names_every_missing_product() {
        let refusal =
            refusal(vec![found(1, 1, None), found(2, 9, Some(("EUR", 1))), found(3, 1, None)]);
        let Error::UnknownProducts(ids) = refusal else { panic!("{refusal:?}") };
        assert_eq!(ids.len(), 2);
    }

    #[test]
    fn a_refusal_names_what_is_short_and_what_is_left() {
        let refusal = refusal(vec![found(1, 1, Some(("EUR", 1))), found(2, 9, Some(("EUR", 4)))]);
        let Error::InsufficientStock(short) = refusal else { panic!("{refusal:?}") };
        let [shortage] = &short[..] else { panic!("{short:?}") };
        assert_eq!((shortage.requested, shortage.available), (9, 4));
        assert_eq!(shortage.name, "product 2");
    }

    #[test]
    fn lines_in_two_currencies_are_refused() {
        let refusal = refusal(vec![found(1, 1, Some(("EUR", 1))), found(2, 1, Some(("JPY", 4)))]);
        assert!(matches!(refusal, Error::MixedCurrencies), "{refusal:?}");
    }
}
