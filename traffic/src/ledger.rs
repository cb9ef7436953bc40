//! The orders of a run that have been sent, and their ids as far as they are known.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::history::OrderLine;

/// An order that has been sent.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its customer.
    pub customer: usize,
    /// Its lines.
    pub lines: Vec<OrderLine>,
    /// Its id, if an answer has shown it.
    pub id: Option<Uuid>,
}

/// The orders, by the number of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<HashMap<u64, Entry>>);

impl Ledger {
    /// Adds an order that is about to be sent.
    pub(crate) fn add(&self, order: u64, customer: usize, lines: Vec<OrderLine>) {
        self.with(|orders| orders.insert(order, Entry { customer, lines, id: None }));
    }

    /// Notes the id of an order.
    pub(crate) fn placed(&self, order: u64, id: Uuid) {
        self.with(|orders| {
            if let Some(entry) = orders.get_mut(&order) {
                entry.id = Some(id);
            }
        });
    }

    /// An order that has been sent.
    pub(crate) fn get(&self, order: u64) -> Option<Entry> {
        self.with(|orders| orders.get(&order).cloned())
    }

    /// The customer and the id of an order that is known to be placed.
    pub(crate) fn known(&self, order: u64) -> Option<(usize, Uuid)> {
        self.with(|orders| orders.get(&order).and_then(|it| Some((it.customer, it.id?))))
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<u64, Entry>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
