//! What became of a letter after it was moved back.

use waybill_ops::dlq::{Letter, Reasons};

use crate::format::millis;
use crate::sources::orders::{Mailed, Order};
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
    if let Some(event) = moved.content.as_ref().and_then(|job| job.event.as_deref()) {
        return of_mail(order.mails.iter().find(|mail| mail.event == event), moved_at_ms);
    }
    let since = order.history.iter().find(|it| it.at_ms >= moved_at_ms && it.reason.is_none());
    match since {
        Some(step) => {
            let tone = if step.to == "confirmed" { "good" } else { "" };
            Fate { text: format!("{} after {}", step.to, between(moved_at_ms, step.at_ms)), tone }
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

/// What became of an event that is in neither queue, by the record of its mail.
fn of_mail(mail: Option<&Mailed>, moved_at_ms: i64) -> Fate {
    let fate = |text: String, tone| Fate { text, tone };
    let settled = mail.and_then(|mail| Some((mail, mail.outcome.as_deref()?, mail.settled_ms?)));
    let Some((mail, outcome, at_ms)) = settled else {
        return fate("taken from the queue; its mail is not sent yet".to_owned(), "");
    };
    let (what, tone) = match outcome {
        "sent" => ("mail sent".to_owned(), "good"),
        "refused" => {
            let reason = mail.reason.as_deref().unwrap_or("no reason given");
            (format!("SES refused the mail: {reason}"), "bad")
        }
        _ => ("no address that mail may go to".to_owned(), ""),
    };
    if at_ms < moved_at_ms {
        return fate(format!("nothing to do: {what}, before the redrive"), tone);
    }
    fate(format!("{what} after {}", between(moved_at_ms, at_ms)), tone)
}

#[expect(clippy::cast_precision_loss, reason = "a fate takes minutes")]
fn between(from_ms: i64, to_ms: i64) -> String {
    millis((to_ms - from_ms) as f64)
}

/// Whether a message is about the same order and event, or has the same body.
pub(crate) fn is_copy(message: &Letter, moved: &Letter) -> bool {
    match (&message.content, &moved.content) {
        (Some(one), Some(other)) => one == other,
        _ => message.readable_body() == moved.readable_body(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::sources::orders::tests::order;

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

    fn of(order: Option<&Order>, queue: &[Seen], dead: &[Seen]) -> String {
        let moved = letter(&job(), 6);
        fate(&moved, MOVED_AT, order, queue, dead, &Reasons::default()).text
    }

    #[test]
    fn a_letter_that_is_dead_again_or_waits_is_found_by_its_order() {
        let pending = order("pending", &[("pending", 0)], &[]);
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
        let steps = [("pending", 0), ("confirmed", MOVED_AT + 1_200)];
        let confirmed = order("confirmed", &steps, &[]);
        assert_eq!(of(Some(&confirmed), &[], &[]), "confirmed after 1.2 s");
        let before = order("cancelled", &[("pending", 0), ("cancelled", MOVED_AT - 1)], &[]);
        assert_eq!(of(Some(&before), &[], &[]), "nothing to do: the order was already cancelled");
    }

    #[test]
    fn an_event_ends_as_the_record_of_its_mail_says() {
        let body = |event: &str| {
            let detail: serde_json::Value = serde_json::from_str(&job()).unwrap();
            json!({"detail-type": event, "detail": detail}).to_string()
        };
        let shipped = letter(&body("OrderShipped"), 5);
        let of = |order: &Order, dead: &[Seen]| {
            fate(&shipped, MOVED_AT, Some(order), &[], dead, &Reasons::default())
        };
        let mailed =
            |outcome, at_ms| order("shipped", &[], &[("OrderShipped", Some((outcome, at_ms)))]);
        let sent = of(&mailed("sent", MOVED_AT + 40), &[]);
        assert_eq!((&*sent.text, sent.tone), ("mail sent after 40 ms", "good"));
        let before = of(&mailed("sent", MOVED_AT - 1), &[]);
        assert_eq!(before.text, "nothing to do: mail sent, before the redrive");
        assert_eq!(of(&mailed("refused", MOVED_AT), &[]).tone, "bad");
        let open = order("shipped", &[], &[("OrderShipped", None)]);
        assert!(of(&open, &[]).text.ends_with("not sent yet"));
        // Another event of the same order is another letter.
        let other = [seen(&body("OrderPlaced"), 5, None)];
        assert!(of(&open, &other).text.ends_with("not sent yet"));
        assert_eq!(of(&open, &[seen(&body("OrderShipped"), 5, None)]).tone, "bad");
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
