//! Which products have their stock in buckets, as far as this process knows.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::{Buckets, OrderLine, ProductId};

/// How often a statement is run whose buckets others change while it waits. Only a PUT of the same
/// product does that.
pub(super) const TURNS: usize = 5;

/// How many products are remembered: 16 bytes each. A shop has few that need buckets.
const MOST: usize = 1_000;

/// The products that had more than one bucket when an order for them was last placed.
///
/// It decides which statement an order is sent with first. If it is wrong, that costs a round trip, or a
/// slower statement, and changes no outcome.
#[derive(Default)]
pub(super) struct Bucketed(Mutex<HashSet<ProductId>>);

impl Bucketed {
    /// Whether one of these products is known to have buckets.
    pub(super) fn has_any(&self, lines: &[OrderLine]) -> bool {
        let products = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !products.is_empty() && lines.iter().any(|line| products.contains(&line.product_id))
    }

    /// Remembers how many buckets a product has.
    pub(super) fn learn(&self, product: ProductId, buckets: Buckets) {
        let mut products = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets == Buckets::ONE {
            products.remove(&product);
            return;
        }
        if products.len() >= MOST {
            products.clear();
        }
        products.insert(product);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn line(number: usize) -> OrderLine {
        let product_id = ProductId::from(Uuid::from_u128(number as u128));
        OrderLine { product_id, quantity: 1 }
    }

    #[test]
    fn a_product_is_known_until_it_has_one_bucket_again() {
        let bucketed = Bucketed::default();
        assert!(!bucketed.has_any(&[line(1), line(2)]));
        bucketed.learn(line(2).product_id, Buckets::MAX);
        assert!(bucketed.has_any(&[line(1), line(2)]));
        assert!(!bucketed.has_any(&[line(1)]));
        bucketed.learn(line(2).product_id, Buckets::ONE);
        assert!(!bucketed.has_any(&[line(1), line(2)]));
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let bucketed = Bucketed::default();
        for number in 0..=MOST {
            bucketed.learn(line(number).product_id, Buckets::MAX);
        }
        assert!(bucketed.has_any(&[line(MOST)]));
        assert!(!bucketed.has_any(&[line(0)]));
    }
}
