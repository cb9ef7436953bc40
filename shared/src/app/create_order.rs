//! Places an order and sends it to fulfilment.

use std::collections::HashSet;

use futures_util::future::join_all;

use super::ports::{CacheProducts, Cached, Claim, FoundLine, PlaceOrders, Placement, SendJobs};
use super::{Context, FulfillmentJob};
use crate::Error;
use crate::domain::{NewOrder, Order, OrderId};
use crate::error::Shortage;

/// How many ids are tried before a taken number is an error. Two numbers of one day are the same
/// with a chance of 1 in 2³², so that a second try is rare and a third one is a mistake elsewhere.
const ID_TRIES: usize = 3;

/// An order that was placed.
#[derive(Debug)]
pub struct Created {
    /// As it was placed.
    pub order: Order,
    /// Whether that was in answer to an earlier request with the same key.
    pub replayed: bool,
}

/// Places `order` for the caller of `context` and sends its fulfilment job.
///
/// The order is accepted once it is stored: a queue that is down is logged, not answered.
///
/// # Errors
/// [`Error::UnknownProducts`], [`Error::InsufficientStock`], [`Error::MixedCurrencies`] or
/// [`Error::AmountOutOfRange`] for an order that can't be had; [`Error::KeyReused`] or
/// [`Error::KeyInFlight`] for a key that is not free; [`Error::Unavailable`] or
/// [`Error::Internal`] otherwise.
pub async fn create_order(
    cache: &impl CacheProducts,
    orders: &impl PlaceOrders,
    queue: &impl SendJobs,
    order: &NewOrder,
    claim: Option<&Claim>,
    context: &Context,
) -> Result<Created, Error> {
    // A repeated request is answered as the first one was, whatever became of the products.
    if claim.is_none() {
        refuse_what_is_known_to_be_missing(cache, order).await?;
    }
    let created = place(cache, orders, order, claim, context).await?;
    tracing::Span::current().record("order_id", created.order.summary.id.to_string());
    if created.replayed {
        tracing::info!("the request was answered before");
    } else if let Err(error) = queue.send(&FulfillmentJob::new(&created.order, context)).await {
        tracing::error!(error = error.chain(), "the job was not sent; the relay will");
    }
    Ok(created)
}

/// Saves Postgres the trouble, as far as the cache knows. Stock and price are not its business.
async fn refuse_what_is_known_to_be_missing(
    cache: &impl CacheProducts,
    order: &NewOrder,
) -> Result<(), Error> {
    let ids: Vec<_> = order.lines().iter().map(|line| line.product_id).collect();
    let known = cache.recall(&ids).await;
    let missing: Vec<_> =
        ids.into_iter().filter(|id| known.get(id) == Some(&Cached::Missing)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::UnknownProducts(missing)) }
}

async fn place(
    cache: &impl CacheProducts,
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
            Placement::Refused(lines) => {
                let missing = lines.iter().filter(|found| !found.known);
                join_all(
                    missing.map(|found| cache.remember(found.line.product_id, Cached::Missing)),
                )
                .await;
                return Err(refusal(lines));
            }
            Placement::NumberTaken => tracing::warn!("the order's number is taken; trying another"),
        }
    }
    Err(Error::Internal(format!("{ID_TRIES} order numbers in a row were taken").into()))
}

/// Says why an order can't be had. What is missing comes before what is short.
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
        .filter(|(line, product)| product.stock < line.quantity)
        .map(|(line, product)| Shortage {
            product_id: line.product_id,
            name: product.name,
            requested: line.quantity,
            available: product.stock,
        })
        .collect();
    Error::InsufficientStock(short)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::app::ports::FoundProduct;
    use crate::domain::{Currency, OrderLine, ProductId};

    fn found(id: u128, quantity: i32, product: Option<(&str, i32)>) -> FoundLine {
        FoundLine {
            line: OrderLine { product_id: ProductId::from(Uuid::from_u128(id)), quantity },
            known: product.is_some(),
            product: product.map(|(currency, stock)| FoundProduct {
                name: format!("product {id}"),
                currency: Currency::parse(currency).unwrap(),
                stock,
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
