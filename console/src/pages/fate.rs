//! What became of a letter after it was moved back.

use waybill_ops::dlq::{Letter, Reasons};

use crate::format::millis;
use crate::sources::orders::Order;
use crate::sources::queues::Seen;

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    /// In words.
    pub(crate) text: String,
    /// `good`, `bad`, or empty while it is open.
    pub(crate) tone: &'static str,
}

/// What became of a letter that was moved back, by what the queues and the database hold now. Its copy
/// in the queue has another message id.
pub(crate) fn fate(
    moved: &Letter,
    moved_at_ms: i64,
    order: Option<&Order>,
    queue: &[Seen],
    dead: &[Seen],
    reasons: &Reasons,
) -> Fate {
    let is_copy = |it: &&Seen| is_copy(&it.letter, moved);
    if let Some(again) = dead.iter().find(is_copy) {
        return Fate { text: format!("dead again: {}", reasons.of(&again.letter)), tone: "bad" };
    }
    if let Some(waiting) = queue.iter().find(is_copy) {
        let text = match (waiting.letter.received(), waiting.hidden_until_ms) {
            (Some(0) | None, _) => "waits in the queue".to_owned(),
            (Some(times), None) => format!("waits in the queue after {times} tries"),
            (Some(times), Some(_)) => format!("taken from the queue; try {times}"),
        };
        return Fate { text, tone: "" };
    }
    let Some(order) = order else {
        return Fate { text: "gone from both queues".to_owned(), tone: "" };
    };
    let since = order.history.iter().find(|it| it.at_ms >= moved_at_ms && it.reason.is_none());
    match since {
        Some(step) => {
            #[expect(clippy::cast_precision_loss, reason = "a fate takes minutes")]
            let after = millis((step.at_ms - moved_at_ms) as f64);
            let tone = if step.to == "confirmed" { "good" } else { "" };
            Fate { text: format!("{} after {after}", step.to), tone }
        }
        None if order.status == "pending" => {
            Fate { text: "taken from the queue; the order is still pending".to_owned(), tone: "" }
        }
        None => {
            let text = format!("nothing to do: the order was already {}", order.status);
            Fate { text, tone: "good" }
        }
    }
}

/// Whether a message is about the same order, or has the same body.
fn is_copy(message: &Letter, moved: &Letter) -> bool {
    match (&message.job, &moved.job) {
        (Some(one), Some(other)) => one.order_id == other.order_id,
        _ => message.readable_body() == moved.readable_body(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::sources::orders::Step;

    const MOVED_AT: i64 = 1_000;

    fn letter(body: &str, received: u32) -> Letter {
        let count = MessageSystemAttributeName::ApproximateReceiveCount;
        let message = Message::builder().message_id("m").body(body);
        Letter::from(message.attributes(count, received.to_string()).build())
    }

    fn job() -> String {
        json!({"v": 1, "order_id": Uuid::nil(), "number": "ORD-20260221-6BA0A415"}).to_string()
    }

    fn seen(body: &str, received: u32, hidden_until_ms: Option<i64>) -> Seen {
        Seen { letter: letter(body, received), hidden_until_ms }
    }

    fn order(status: &str, steps: &[(&str, i64)]) -> Order {
        let step = |(to, at_ms): &(&str, i64)| Step {
            from: None,
            to: (*to).to_owned(),
            at_ms: *at_ms,
            actor: String::new(),
            correlation_id: String::new(),
            reason: None,
        };
        Order {
            id: Uuid::nil(),
            number: String::new(),
            owner: String::new(),
            status: status.to_owned(),
            name: String::new(),
            email: String::new(),
            currency: "EUR".to_owned(),
            total_minor: 0,
            version: 1,
            placed_ms: 0,
            items: Vec::new(),
            history: steps.iter().map(step).collect(),
            outbox: Vec::new(),
        }
    }

    fn of(order: Option<&Order>, queue: &[Seen], dead: &[Seen]) -> String {
        let moved = letter(&job(), 6);
        fate(&moved, MOVED_AT, order, queue, dead, &Reasons::default()).text
    }

    #[test]
    fn a_letter_that_is_dead_again_or_waits_is_found_by_its_order() {
        let pending = order("pending", &[("pending", 0)]);
        let dead = [seen(&job(), 5, None)];
        assert!(of(Some(&pending), &[], &dead).starts_with("dead again: not known"));
        assert_eq!(of(Some(&pending), &[seen(&job(), 0, None)], &[]), "waits in the queue");
        let taken = [seen(&job(), 2, Some(9_000))];
        assert_eq!(of(Some(&pending), &taken, &[]), "taken from the queue; try 2");
        let other = [seen("another body", 5, None)];
        assert!(of(Some(&pending), &[], &other).ends_with("still pending"));
    }

    #[test]
    fn an_order_that_was_confirmed_since_says_how_long_it_took() {
        let confirmed = order("confirmed", &[("pending", 0), ("confirmed", MOVED_AT + 1_200)]);
        assert_eq!(of(Some(&confirmed), &[], &[]), "confirmed after 1.2 s");
        let before = order("cancelled", &[("pending", 0), ("cancelled", MOVED_AT - 1)]);
        assert_eq!(of(Some(&before), &[], &[]), "nothing to do: the order was already cancelled");
    }

    #[test]
    fn a_message_that_is_no_job_is_found_by_its_body() {
        let moved = letter("not a job", 5);
        let dead = [seen("not a job", 5, None)];
        let again = fate(&moved, MOVED_AT, None, &[], &dead, &Reasons::default());
        assert_eq!(again.tone, "bad");
        let gone = fate(&moved, MOVED_AT, None, &[], &[], &Reasons::default());
        assert_eq!(gone.text, "gone from both queues");
    }
}
