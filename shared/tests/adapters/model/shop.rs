//! The model: a shop that is simple enough to be right.

use std::collections::{BTreeMap, HashSet};

use waybill::app::Relayed;
use waybill::domain::Status;

use super::step::{Basket, Outcome, Step};

/// Currency, price and stock of each product, and in how many buckets it is; the last one is not for
/// sale.
pub(super) const PRODUCTS: [(&str, i64, i32, i32); 6] = [
    ("EUR", 100, 6, 1),
    ("EUR", 250, 12, 4),
    ("EUR", 399, 25, 1),
    ("EUR", 1450, 50, 64),
    ("JPY", 1200, 25, 16),
    ("EUR", 999, 25, 2),
];
pub(super) const RETIRED: usize = 5;
/// A product that does not exist.
pub(super) const UNKNOWN: usize = 6;

#[derive(Clone, Debug)]
pub(super) struct Shop {
    pub(super) stock: Vec<i32>,
    pub(super) orders: Vec<Life>,
    pub(super) keys: BTreeMap<u8, Key>,
    /// The orders of the messages in the queue, sorted.
    pub(super) queue: Vec<usize>,
    /// One for each change of each order.
    pub(super) events: BTreeMap<(usize, &'static str), Event>,
    /// Deliveries of jobs whose order was not pending.
    pub(super) in_vain: usize,
    pub(super) last: Outcome,
}

#[derive(Clone, Debug)]
pub(super) struct Life {
    /// Each product once.
    pub(super) lines: Vec<(usize, i32)>,
    /// The statuses so far.
    pub(super) way: Vec<Status>,
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) basket: Basket,
    pub(super) order: usize,
    pub(super) old: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) waiting: bool,
    pub(super) due: bool,
    pub(super) published: usize,
}

impl Life {
    pub(super) fn status(&self) -> Status {
        *self.way.last().unwrap()
    }

    pub(super) fn version(&self) -> i64 {
        i64::try_from(self.way.len()).unwrap()
    }

    pub(super) fn total(&self) -> i64 {
        self.lines.iter().map(|&(n, pieces)| PRODUCTS[n].1 * i64::from(pieces)).sum()
    }
}

impl Shop {
    /// A shop without orders.
    pub(super) fn open() -> Self {
        Self {
            stock: PRODUCTS.iter().map(|product| product.2).collect(),
            orders: Vec::new(),
            keys: BTreeMap::new(),
            queue: Vec::new(),
            events: BTreeMap::new(),
            in_vain: 0,
            last: Outcome::Nothing,
        }
    }

    /// Takes a step.
    pub(super) fn take_step(&mut self, step: &Step) {
        self.last = match *step {
            Step::Create { ref basket, key, queue_is_up } => self.create(basket, key, queue_is_up),
            Step::Cancel { order, off } => self.change(order, Status::Cancelled, off),
            Step::Status { order, to, off } => self.change(order, to, Some(off)),
            Step::Fulfill { ref picks, acknowledged, strangers } => {
                self.fulfill(picks, acknowledged, strangers)
            }
            Step::Relay { late, queue_refuses, bus_refuses, dies } => {
                self.relay(late, queue_refuses, bus_refuses, dies)
            }
            Step::Day { clean } => self.day(clean),
        };
    }

    fn create(&mut self, basket: &Basket, key: Option<u8>, queue_is_up: bool) -> Outcome {
        if let Some(key) = key.and_then(|key| self.keys.get(&key)).filter(|key| !key.old) {
            let same = key.basket == *basket;
            return if same { Outcome::Replayed(key.order) } else { Outcome::KeyReused };
        }
        let mut lines = Vec::<(usize, i32)>::new();
        for &(product, pieces) in basket {
            let pieces = i32::try_from(pieces).unwrap();
            match lines.iter_mut().find(|line| line.0 == product) {
                Some(line) => line.1 += pieces,
                None => lines.push((product, pieces)),
            }
        }
        if lines.iter().any(|line| line.0 == RETIRED || line.0 == UNKNOWN) {
            return Outcome::Unknown;
        }
        if lines.iter().any(|line| PRODUCTS[line.0].0 != PRODUCTS[lines[0].0].0) {
            return Outcome::MixedCurrencies;
        }
        let short = lines.iter().map(|&(n, pieces)| (n, pieces, self.stock[n]));
        let short: Vec<_> = short.filter(|&(_, pieces, left)| left < pieces).collect();
        if !short.is_empty() {
            return Outcome::Short(short);
        }
        for &(n, pieces) in &lines {
            self.stock[n] -= pieces;
        }
        let order = self.orders.len();
        self.orders.push(Life { lines, way: Vec::new() });
        self.take(order, Status::Pending);
        if let Some(key) = key {
            self.keys.insert(key, Key { basket: basket.clone(), order, old: false });
        }
        if queue_is_up {
            self.enqueue(order);
        }
        Outcome::Placed(order)
    }

    fn change(&mut self, order: usize, to: Status, off: Option<i64>) -> Outcome {
        let (from, current) = (self.orders[order].status(), self.orders[order].version());
        // A repeated cancel returns the order.
        let again = from == Status::Cancelled && to == Status::Cancelled;
        if again && off.is_none_or(|off| [0, -1].contains(&off)) {
            return Outcome::Changed { order, way: self.orders[order].way.clone() };
        }
        if off.is_some_and(|off| off != 0) {
            return Outcome::Stale { current };
        }
        if !from.can_become(to) {
            return Outcome::Illegal { from, to };
        }
        if to == Status::Cancelled {
            for &(n, pieces) in &self.orders[order].lines {
                self.stock[n] += pieces;
            }
        }
        self.take(order, to);
        Outcome::Changed { order, way: self.orders[order].way.clone() }
    }

    fn fulfill(&mut self, picks: &[usize], acknowledged: bool, strangers: bool) -> Outcome {
        for &order in picks {
            if self.orders[order].status() == Status::Pending {
                self.take(order, Status::Confirmed);
            } else {
                self.in_vain += 1;
            }
        }
        if acknowledged {
            for order in picks.iter().collect::<HashSet<_>>() {
                let message = self.queue.iter().position(|queued| queued == order).unwrap();
                self.queue.remove(message);
            }
        }
        let failed =
            if strangers { vec!["poison".to_owned(), "orphan".to_owned()] } else { vec![] };
        Outcome::Fulfilled { failed }
    }

    fn relay(&mut self, late: bool, queue_refuses: u8, bus_refuses: u8, dies: bool) -> Outcome {
        let mut relayed = Relayed::default();
        // A job is not due before its time, and each step is much shorter.
        let jobs = if late { self.with(Status::Pending) } else { Vec::new() };
        for order in jobs {
            if refused(queue_refuses, order) {
                relayed.failed += 1;
            } else {
                relayed.jobs += 1;
                self.enqueue(order);
            }
        }
        let due = |event: &Event| event.waiting && (late || event.due);
        for (&(order, _), event) in self.events.iter_mut().filter(|(_, event)| due(event)) {
            event.due = false;
            if refused(bus_refuses, order) {
                relayed.failed += 1;
            } else {
                relayed.events += 1;
                event.published += 1;
                event.waiting = dies;
            }
        }
        let idle = relayed == Relayed::default();
        if dies && !idle { Outcome::Died } else { Outcome::Relayed(relayed) }
    }

    fn day(&mut self, clean: bool) -> Outcome {
        self.keys.values_mut().for_each(|key| key.old = true);
        if !clean {
            return Outcome::Nothing;
        }
        Outcome::Forgot(std::mem::take(&mut self.keys).len() as u64)
    }

    fn take(&mut self, order: usize, to: Status) {
        self.orders[order].way.push(to);
        let event = Event { waiting: true, due: true, published: 0 };
        assert!(self.events.insert((order, to.event()), event).is_none());
    }

    fn enqueue(&mut self, order: usize) {
        self.queue.push(order);
        self.queue.sort_unstable();
    }

    pub(super) fn with(&self, status: Status) -> Vec<usize> {
        (0..self.orders.len()).filter(|&n| self.orders[n].status() == status).collect()
    }
}

pub(super) fn refused(mask: u8, order: usize) -> bool {
    mask >> (order % 8) & 1 == 1
}
