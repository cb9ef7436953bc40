//! The plan: when each request is due and what it is. It depends on the seed, the modes and the
//! mixes, and on no answer, so the same seed plans the same traffic.

use std::collections::VecDeque;
use std::time::Duration;

use crate::arrivals::Arrivals;
use crate::history::OrderLine;
use crate::mix::Share;
use crate::mode::Step;

/// One planned request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its number, from 0.
    pub number: u64,
    /// What is sent.
    pub action: Action,
}

/// What a request does. `order` is the number of the arrival that placed the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Place an order.
    Order {
        /// The customer.
        customer: usize,
        /// The lines.
        lines: Vec<OrderLine>,
    },
    /// Send an order again, with its key.
    Replay(u64),
    /// Read an order.
    ReadOrder(u64),
    /// List the orders of a customer.
    ListOrders(usize),
    /// Read a product.
    ReadProduct(usize),
    /// Cancel an order, as its customer.
    Cancel(u64),
    /// Ship an order, as staff.
    Ship(u64),
    /// Add pieces to the stock of a product, as staff.
    Restock {
        /// The product.
        product: usize,
        /// How many pieces.
        pieces: i64,
    },
}

/// How many of the latest orders are replayed, read, canceled and shipped.
const RECENT: usize = 100;

/// Plans requests one after the other.
#[derive(Debug)]
pub struct Plan {
    seed: u64,
    arrivals: Arrivals,
    customers: usize,
    products: usize,
    next: u64,
    recent: VecDeque<u64>,
}

impl Plan {
    /// A plan for this many customers and products; the first product is the one of a flash sale.
    #[must_use]
    pub fn new(seed: u64, arrivals: Arrivals, customers: usize, products: usize) -> Self {
        let (customers, products) = (customers.max(1), products.max(1));
        Self { seed, arrivals, customers, products, next: 0, recent: VecDeque::new() }
    }

    /// The time from the request before to the next one, at `rate` requests in a second. The rate is
    /// more than 0.
    #[must_use]
    pub fn gap(&self, rate: f64) -> Duration {
        let mean = 1.0 / rate;
        Duration::from_secs_f64(match self.arrivals {
            Arrivals::Constant => mean,
            Arrivals::Poisson => -(1.0 - self.random(0).f64()).ln() * mean,
        })
    }

    /// The next request.
    pub fn next(&mut self, step: &Step) -> Arrival {
        let mut random = self.random(1);
        let number = self.next;
        let action = self.action(step, &mut random);
        if matches!(action, Action::Order { .. }) {
            self.recent.push_back(number);
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
        self.next += 1;
        Arrival { number, action }
    }

    fn action(&self, step: &Step, random: &mut fastrand::Rng) -> Action {
        let share = step.mix.pick(random.u32(0..step.mix.total().max(1)));
        let Some(&order) = self.recent.get(random.usize(0..self.recent.len().max(1))) else {
            return self.order(step, random);
        };
        match share {
            Share::Order => self.order(step, random),
            Share::Replay => Action::Replay(order),
            Share::Read => match random.u8(0..3) {
                0 => Action::ReadOrder(order),
                1 => Action::ListOrders(random.usize(0..self.customers)),
                _ => Action::ReadProduct(random.usize(0..self.products)),
            },
            Share::Cancel => Action::Cancel(order),
            Share::Staff if random.bool() => Action::Ship(order),
            Share::Staff => Action::Restock {
                product: random.usize(0..self.products),
                pieces: random.i64(30..=90),
            },
        }
    }

    fn order(&self, step: &Step, random: &mut fastrand::Rng) -> Action {
        let customer = random.usize(0..self.customers);
        if random.f64() < step.hot {
            return Action::Order { customer, lines: vec![OrderLine { product: 0, quantity: 1 }] };
        }
        let mut lines: Vec<OrderLine> = Vec::new();
        for _ in 0..random.usize(1..=3) {
            let product = random.usize(0..self.products);
            if lines.iter().all(|line| line.product != product) {
                lines.push(OrderLine { product, quantity: random.i64(1..=4) });
            }
        }
        Action::Order { customer, lines }
    }

    /// Random numbers for the next request, in one of two series.
    fn random(&self, series: u64) -> fastrand::Rng {
        let request = self.next.wrapping_mul(2).wrapping_add(series);
        // The constant is 2^64 divided by the golden ratio: it spreads seeds that are close together.
        let spread = request.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        fastrand::Rng::with_seed(self.seed ^ spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::Mix;
    use crate::mode::Mode;

    fn step(mode: Mode) -> Step {
        mode.step(Duration::ZERO, 10.0, Mix::default())
    }

    fn planned(seed: u64, mode: Mode, count: usize) -> Vec<(Duration, Arrival)> {
        let mut plan = Plan::new(seed, Arrivals::Poisson, 20, 8);
        (0..count).map(|_| (plan.gap(10.0), plan.next(&step(mode)))).collect()
    }

    #[test]
    fn the_same_seed_plans_the_same_traffic_and_another_seed_does_not() {
        assert_eq!(planned(7, Mode::Steady, 500), planned(7, Mode::Steady, 500));
        assert_ne!(planned(7, Mode::Steady, 500), planned(8, Mode::Steady, 500));
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_the_rate() {
        let gaps: Vec<f64> =
            planned(1, Mode::Steady, 5000).iter().map(|(gap, _)| gap.as_secs_f64()).collect();
        let count = 5000.0;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        assert!((mean - 0.1).abs() < 0.01, "{mean}");
        assert!((variance.sqrt() - 0.1).abs() < 0.01, "{variance}");
    }

    #[test]
    fn constant_gaps_are_equal() {
        let mut plan = Plan::new(1, Arrivals::Constant, 20, 8);
        for _ in 0..10 {
            assert_eq!(plan.gap(10.0), Duration::from_millis(100));
            plan.next(&step(Mode::Steady));
        }
    }

    #[test]
    fn every_request_about_an_order_names_one_that_was_planned_before() {
        let mut orders = Vec::new();
        let mut others = 0;
        for (_, arrival) in planned(3, Mode::Steady, 2000) {
            match arrival.action {
                Action::Order { lines, .. } => {
                    let mut products: Vec<_> = lines.iter().map(|line| line.product).collect();
                    products.sort_unstable();
                    products.dedup();
                    assert_eq!(products.len(), lines.len());
                    orders.push(arrival.number);
                }
                Action::Replay(order)
                | Action::ReadOrder(order)
                | Action::Cancel(order)
                | Action::Ship(order) => {
                    assert!(orders.contains(&order));
                    others += 1;
                }
                Action::ListOrders(_) | Action::ReadProduct(_) | Action::Restock { .. } => {}
            }
        }
        assert!(orders.len() > 800 && others > 300, "{} {others}", orders.len());
    }

    #[test]
    fn a_flash_sale_orders_one_product() {
        let planned = planned(3, Mode::FlashSale, 1000);
        let orders = planned.iter().filter_map(|(_, arrival)| match &arrival.action {
            Action::Order { lines, .. } => Some(lines.iter().all(|line| line.product == 0)),
            _ => None,
        });
        let (hot, others): (Vec<bool>, Vec<bool>) = orders.partition(|hot| *hot);
        assert!(hot.len() > others.len() * 10, "{} {}", hot.len(), others.len());
    }
}
