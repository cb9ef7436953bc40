//! Every order was seen in the events of its changes at least once.

use super::books::Books;
use super::{Checked, Notes};

pub(super) fn check(books: &Books<'_>, notes: &mut Notes, checked: &mut Checked) {
    let observed = books.observed;
    for (number, _, id) in books.placed() {
        // What is still in the outbox is stuck, and not lost.
        if observed.in_outbox.contains(&id) {
            continue;
        }
        let later: &[&str] = match books.status(id) {
            Some("confirmed") => &["OrderConfirmed"],
            Some("shipped") => &["OrderConfirmed", "OrderShipped"],
            Some("delivered") => &["OrderConfirmed", "OrderShipped", "OrderDelivered"],
            Some("cancelled") => &["OrderCancelled"],
            _ => &[],
        };
        for name in ["OrderPlaced"].iter().chain(later) {
            checked.events += 1;
            if !observed.events.get(*name).is_some_and(|orders| orders.contains(&id)) {
                notes.finding(
                    "event-missing",
                    format!("{name} of order {number}, {id}, was never received"),
                );
            }
        }
    }
}
