//! The mix: how often each kind of request is sent.

use serde::{Deserialize, Serialize};

/// The weight of each kind of request. Only their ratios matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// New orders.
    pub orders: u32,
    /// Orders sent again with the same key.
    pub replays: u32,
    /// Reads of an order, a list or a product.
    pub reads: u32,
    /// Cancellations by the customer.
    pub cancels: u32,
    /// Changes by staff: an order is shipped, or a product restocked.
    pub staff: u32,
}

/// A kind of request in a [`Mix`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// A new order.
    Order,
    /// A replay.
    Replay,
    /// A read.
    Read,
    /// A cancellation.
    Cancel,
    /// A change by staff.
    Staff,
}

/// The largest weight.
const MAX_WEIGHT: u32 = 1_000_000;

impl Default for Mix {
    fn default() -> Self {
        Self { orders: 50, replays: 10, reads: 25, cancels: 5, staff: 10 }
    }
}

impl Mix {
    /// Nearly only orders, as when everybody wants the same product.
    pub const FLASH_SALE: Self = Self { orders: 80, replays: 8, reads: 10, cancels: 2, staff: 0 };

    /// Checks the weights.
    ///
    /// # Errors
    /// A sentence about the first weight that is wrong.
    pub fn check(&self) -> Result<(), String> {
        let weights = self.weights();
        if let Some((name, weight)) = weights.iter().find(|(_, weight)| *weight > MAX_WEIGHT) {
            return Err(format!("mix.{name} is {weight}; it must be 0 to {MAX_WEIGHT}."));
        }
        if self.orders == 0 {
            return Err("mix.orders is 0; without orders there is nothing to judge.".to_owned());
        }
        Ok(())
    }

    /// The kind for `draw`, which is evenly distributed below [`total`](Self::total).
    #[must_use]
    pub fn pick(&self, draw: u32) -> Share {
        let shares = [
            (self.orders, Share::Order),
            (self.replays, Share::Replay),
            (self.reads, Share::Read),
            (self.cancels, Share::Cancel),
            (self.staff, Share::Staff),
        ];
        let mut end = 0;
        for (weight, share) in shares {
            end += weight;
            if draw < end {
                return share;
            }
        }
        Share::Order
    }

    /// The sum of the weights.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.weights().iter().map(|(_, weight)| weight).sum()
    }

    fn weights(&self) -> [(&'static str, u32); 5] {
        [
            ("orders", self.orders),
            ("replays", self.replays),
            ("reads", self.reads),
            ("cancels", self.cancels),
            ("staff", self.staff),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_falls_on_a_kind_as_often_as_its_weight_says() {
        let mix = Mix { orders: 3, replays: 0, reads: 2, cancels: 0, staff: 1 };
        let picked: Vec<_> = (0..mix.total()).map(|draw| mix.pick(draw)).collect();
        let expected =
            [Share::Order, Share::Order, Share::Order, Share::Read, Share::Read, Share::Staff];
        assert_eq!(picked, expected);
    }

    #[test]
    fn a_mix_without_orders_is_refused_by_name() {
        let mix = Mix { orders: 0, ..Mix::default() };
        assert!(mix.check().unwrap_err().contains("mix.orders"));
        let mix = Mix { reads: u32::MAX, ..Mix::default() };
        assert!(mix.check().unwrap_err().contains("mix.reads"));
        assert_eq!(Mix::default().check(), Ok(()));
    }
}
