//! Every answer to a repeated request is the first one, byte for byte, and places nothing.

use super::books::Books;
use super::{Checked, Notes};

pub(super) fn check(books: &Books<'_>, notes: &mut Notes, checked: &mut Checked) {
    for (number, sent) in &books.orders {
        let Some(first) = sent.answers().next() else { continue };
        for answer in sent.answers().skip(1) {
            checked.replays += 1;
            if answer.body != first.body {
                notes.finding(
                    "replay-differs",
                    format!(
                        "order {number} was answered with {} and later with {}",
                        first.body, answer.body
                    ),
                );
            }
        }
        // The answer that placed the order may be lost, so there can also be none.
        let placing = sent.answers().filter(|answer| !answer.replayed).count();
        if placing > 1 {
            notes.finding(
                "doubled",
                format!("{placing} answers with the key of order {number} say that they placed it"),
            );
        }
    }
}
