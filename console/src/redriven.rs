//! What was redriven by this console.

use std::collections::VecDeque;

use waybill_ops::dlq::{Letter, Queue};

/// The most redrives that are remembered.
pub(crate) const REMEMBERED: usize = 20;

/// The last redrives, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Redrives {
    all: VecDeque<Redrive>,
    last: u64,
}

/// Some letters that were moved together.
#[derive(Debug, Clone)]
pub(crate) struct Redrive {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// The queue that they were moved to.
    pub(crate) queue: Queue,
    /// When it began, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The letters as they were in the dead-letter queue.
    pub(crate) moved: Vec<Letter>,
}

impl Redrives {
    /// Remembers a redrive. Returns its number.
    pub(crate) fn add(&mut self, queue: Queue, at_ms: i64, moved: Vec<Letter>) -> u64 {
        self.last += 1;
        self.all.push_back(Redrive { number: self.last, queue, at_ms, moved });
        if self.all.len() > REMEMBERED {
            self.all.pop_front();
        }
        self.last
    }

    /// The redrive with this number.
    pub(crate) fn get(&self, number: u64) -> Option<Redrive> {
        self.all.iter().find(|it| it.number == number).cloned()
    }

    /// The redrives, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Redrive> {
        self.all.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_redrives_are_remembered() {
        let mut redrives = Redrives::default();
        for number in 1..=30 {
            assert_eq!(redrives.add(Queue::Mail, 0, Vec::new()), number);
        }
        let numbers: Vec<_> = redrives.newest_first().map(|it| it.number).collect();
        assert_eq!(numbers, (11..=30).rev().collect::<Vec<_>>());
        assert!(redrives.get(10).is_none() && redrives.get(11).is_some());
    }
}
