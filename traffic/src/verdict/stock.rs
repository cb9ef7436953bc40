//! The stock of each product adds up, in the end and at every refusal.
//!
//! For a refusal that says what was left, stock is a register: some order of the changes that overlap
//! must give the number. That would take a search; the bounds of it don't, and never accuse wrongly.
//! The number can't be below what is left if every order that may have come before did, nor above what
//! is left if only those did that were answered before the request was sent.

use crate::history::{Call, Outcome, Request};

use super::books::{Books, Sent};
use super::{Checked, Notes};

/// A change of a stock that happened between two moments.
struct Move {
    pieces: i64,
    earliest_us: u64,
    latest_us: u64,
}

/// Everything that changed the stock of one product.
#[derive(Default)]
struct Moves {
    taken: Vec<Move>,
    given: Vec<Move>,
    /// Pieces that were perhaps added.
    unsure: i64,
    /// Pieces that live orders hold.
    held: i64,
    /// Pieces that were added.
    added: i64,
}

pub(super) fn check(books: &Books<'_>, notes: &mut Notes, checked: &mut Checked) {
    for (product, described) in books.history.run.products.iter().enumerate() {
        let moves = Moves::of(product, books);
        checked.products += 1;
        adds_up(product, &described.name, described.stock, &moves, books, notes);
        let (taken, given) = (Timeline::new(&moves.taken), Timeline::new(&moves.given));
        for (call, pieces) in refusals(product, &books.history.calls) {
            checked.refusals += 1;
            let highest =
                described.stock + given.begun(call.answered_us) - taken.ended(call.sent_us);
            let lowest =
                described.stock + given.ended(call.sent_us) - taken.begun(call.answered_us);
            if pieces < lowest || pieces > highest {
                notes.finding(
                    "impossible-stock",
                    format!(
                        "call {} was told that {pieces} of {} are left; it was {lowest} to {highest}",
                        call.number, described.name
                    ),
                );
            }
        }
    }
}

fn adds_up(
    product: usize,
    name: &str,
    start: i64,
    moves: &Moves,
    books: &Books<'_>,
    notes: &mut Notes,
) {
    let lowest = start + moves.added - moves.held;
    let highest = lowest + moves.unsure;
    if highest < 0 {
        notes.finding("oversold", format!("{} more of {name} were sold than there were", -highest));
    }
    let Some(found) = books.observed.products.iter().find(|found| found.product == product) else {
        notes.finding("product-lost", format!("{name} does not exist any more"));
        return;
    };
    let stock = found.stock;
    if stock < 0 {
        notes.finding("stock-below-zero", format!("the stock of {name} is {stock}"));
    }
    if stock > highest {
        notes.finding("stock-too-high", format!("the stock of {name} is {stock}, not {highest}"));
    }
    if stock < lowest {
        notes.finding("stock-too-low", format!("the stock of {name} is {stock}, not {lowest}"));
    }
    if moves.unsure > 0 {
        notes.doubt("unresolved", format!("a restock of {name} was never answered"));
    }
}

/// The refusals that say how many pieces of the product were left.
fn refusals(product: usize, calls: &[Call]) -> impl Iterator<Item = (&Call, i64)> {
    calls.iter().filter_map(move |call| match &call.outcome {
        Outcome::Refused { available, .. } => {
            let found = available.iter().find(|available| available.product == product)?;
            Some((call, found.pieces))
        }
        _ => None,
    })
}

impl Moves {
    fn of(product: usize, books: &Books<'_>) -> Self {
        let mut moves = Self::default();
        for (_, sent, id) in books.placed() {
            let lines = sent.lines.iter().filter(|line| line.product == product);
            let pieces: i64 = lines.map(|line| line.quantity).sum();
            if pieces == 0 {
                continue;
            }
            let latest_us = sent.answers().map(|answer| answer.at_us).min().unwrap_or(u64::MAX);
            moves.taken.push(Move { pieces, earliest_us: sent.first_sent(), latest_us });
            if books.status(id) == Some("cancelled") {
                moves.given.push(canceled(sent, pieces));
            } else {
                moves.held += pieces;
            }
        }
        for call in &books.history.calls {
            moves.restock(product, call);
        }
        moves
    }

    fn restock(&mut self, restocked: usize, call: &Call) {
        let Request::Restock { product, pieces } = call.request else { return };
        let latest_us = match call.outcome {
            Outcome::Done => call.answered_us,
            Outcome::Unknown { .. } => u64::MAX,
            _ => return,
        };
        if product != restocked {
            return;
        }
        if latest_us == u64::MAX {
            self.unsure += pieces;
        } else {
            self.added += pieces;
        }
        self.given.push(Move { pieces, earliest_us: call.sent_us, latest_us });
    }
}

/// When the pieces of a canceled order were given back.
fn canceled(sent: &Sent<'_>, pieces: i64) -> Move {
    let earliest_us = sent.cancels.iter().map(|call| call.sent_us).min().unwrap_or_default();
    let done = sent.cancels.iter().filter(|call| call.outcome == Outcome::Done);
    let latest_us = done.map(|call| call.answered_us).min().unwrap_or(u64::MAX);
    Move { pieces, earliest_us, latest_us }
}

/// Sums of moves over time.
struct Timeline {
    begins: Vec<(u64, i64)>,
    ends: Vec<(u64, i64)>,
}

impl Timeline {
    fn new(moves: &[Move]) -> Self {
        let sums = |time: fn(&Move) -> u64| {
            let mut moves: Vec<_> = moves.iter().map(|it| (time(it), it.pieces)).collect();
            moves.sort_unstable();
            let mut sum = 0;
            for (_, pieces) in &mut moves {
                sum += *pieces;
                *pieces = sum;
            }
            moves
        };
        Self { begins: sums(|it| it.earliest_us), ends: sums(|it| it.latest_us) }
    }

    /// The pieces of the moves that may have happened before this time.
    fn begun(&self, time_us: u64) -> i64 {
        Self::sum(&self.begins, time_us)
    }

    /// The pieces of the moves that had happened before this time.
    fn ended(&self, time_us: u64) -> i64 {
        Self::sum(&self.ends, time_us)
    }

    fn sum(sums: &[(u64, i64)], time_us: u64) -> i64 {
        let count = sums.partition_point(|(time, _)| *time < time_us);
        count.checked_sub(1).and_then(|last| sums.get(last)).map_or(0, |(_, sum)| *sum)
    }
}
