//! Redriving and deleting chosen dead letters: a preview, the change, and the fate of each afterwards.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use uuid::Uuid;
use waybill_ops::dlq::{self, Letter, Queue};
use waybill_ops::error::Result;

use super::fate::{Fate, fate, is_copy};
use super::fields::Fields;
use super::nothing::NothingPage;
use super::queues::{Row, reasons, row};
use super::render;
use crate::console::Shared;
use crate::format::{clock, now_ms};
use crate::frame::{Frame, Page};
use crate::lock::lock;
use crate::redriven::REMEMBERED;
use crate::sources::orders::Order;
use crate::sources::queues::Seen;
use crate::sources::{Sources, sentence};

/// What a person is told who asks for a queue that this stack does not have.
const NO_QUEUE: &str = "This stack has no such queue. Open Queues again.";

/// The preview.
#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    frame: Frame,
    queue: Queue,
    deletes: bool,
    rows: Vec<Preview>,
    gone: usize,
}

/// A chosen letter, and what will happen to it.
struct Preview {
    row: Row,
    status: String,
    effect: &'static str,
}

/// The fates of a redrive.
#[derive(Template)]
#[template(path = "redrive.html")]
struct RedrivePage {
    frame: Frame,
    at: String,
    fates: Vec<(Letter, Fate)>,
    problem: Option<String>,
}

/// `GET /queues/confirm?queue=…&action=…&message=…`: changes nothing.
pub(crate) async fn confirm(State(console): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(&query.unwrap_or_default());
    let chosen = fields.all("message");
    let deletes = fields.get("action") == "delete";
    let frame = console.frame(Page::Queues).await;
    let Some(place) = console.sources.place(fields.get("queue")) else {
        return nothing(frame, NO_QUEUE.to_owned());
    };
    let seen = match console.sources.peek(&place.dlq_url).await {
        Ok(seen) => seen,
        Err(error) => return nothing(frame, sentence(&error)),
    };
    let seen: Vec<Seen> =
        seen.into_iter().filter(|it| chosen.iter().any(|id| id == it.letter.id())).collect();
    if seen.is_empty() {
        return nothing(frame, "Choose at least one dead letter that is still there.".to_owned());
    }
    let reasons = reasons(place, &seen).await;
    let mut rows = Vec::new();
    for it in &seen {
        let known = order(&console.sources, &it.letter).await;
        let effect = effect(deletes, &it.letter, known.as_ref().ok().and_then(Option::as_ref));
        let status = match known {
            Ok(Some(order)) => order.status,
            Ok(None) => "no such order".to_owned(),
            Err(_) => "not known".to_owned(),
        };
        rows.push(Preview { row: row(it, &reasons, now_ms()), status, effect });
    }
    let gone = chosen.len().saturating_sub(rows.len());
    render(&ConfirmPage { frame, queue: place.queue, deletes, rows, gone })
}

/// What will happen to a letter, by its order.
fn effect(deletes: bool, letter: &Letter, order: Option<&Order>) -> &'static str {
    let Some(order) = order else {
        return if deletes {
            "deletes this message"
        } else {
            "comes back as a dead letter, unless the cause is fixed"
        };
    };
    let event = letter.content.as_ref().and_then(|it| it.event.as_deref());
    let is_open = match event {
        Some(event) => !order.mails.iter().any(|mail| mail.event == event && mail.is_settled()),
        None => order.status == "pending",
    };
    match (deletes, event, is_open) {
        (true, _, false) => "deletes this message",
        (true, None, true) => {
            "deletes this message; the order stays pending, and the relay may send its job again"
        }
        (true, Some(_), true) => "deletes this message; the mail about this event is not sent",
        (false, None, true) => "fulfills the order, if the cause is fixed",
        (false, None, false) => "changes nothing: the order is not pending any more",
        (false, Some(_), true) => "sends the mail, if the cause is fixed",
        (false, Some(_), false) => "changes nothing: this mail was handled before",
    }
}

/// The order of a letter, if there is such an order.
async fn order(sources: &Sources, letter: &Letter) -> Result<Option<Order>> {
    let id = letter.content.as_ref().and_then(|it| it.order_id.parse::<Uuid>().ok());
    let Some(id) = id else { return Ok(None) };
    sources.order(id).await
}

/// `POST /queues/redrive`: moves the chosen letters back.
pub(crate) async fn redrive(State(console): State<Shared>, body: String) -> Response {
    let fields = Fields::parse(&body);
    let Some(place) = console.sources.place(fields.get("queue")) else {
        return nothing(console.frame(Page::Queues).await, NO_QUEUE.to_owned());
    };
    let before = now_ms();
    match dlq::redrive_messages(place, &fields.all("message")).await {
        Ok(moved) => {
            let number = lock(&console.redrives).add(place.queue, before, moved);
            Redirect::to(&format!("/queues/redrives/{number}")).into_response()
        }
        Err(error) => nothing(console.frame(Page::Queues).await, sentence(&error)),
    }
}

/// `POST /queues/delete`: deletes the chosen letters.
pub(crate) async fn delete(State(console): State<Shared>, body: String) -> Response {
    let fields = Fields::parse(&body);
    let Some(place) = console.sources.place(fields.get("queue")) else {
        return nothing(console.frame(Page::Queues).await, NO_QUEUE.to_owned());
    };
    match dlq::delete_messages(place, &fields.all("message")).await {
        Ok(_) => Redirect::to("/queues").into_response(),
        Err(error) => nothing(console.frame(Page::Queues).await, sentence(&error)),
    }
}

/// `GET /queues/redrives/{number}`: what became of each letter.
pub(crate) async fn page(State(console): State<Shared>, Path(number): Path<u64>) -> Response {
    let frame = console.frame(Page::Queues).await;
    let found = lock(&console.redrives).get(number);
    let Some(redrive) = found else {
        let why = format!("This console remembers its last {REMEMBERED} redrives.");
        return nothing(frame, why);
    };
    let Some(place) = console.sources.place(redrive.queue.name()) else {
        return nothing(frame, NO_QUEUE.to_owned());
    };
    let (queue, dead) =
        tokio::join!(console.sources.peek(&place.queue_url), console.sources.peek(&place.dlq_url));
    let problem = queue.as_ref().err().or(dead.as_ref().err()).map(sentence);
    let (queue, mut dead) = (queue.unwrap_or_default(), dead.unwrap_or_default());
    // The page asks again every two seconds. Without a letter that is dead again it reads no logs, which
    // would keep the emulator from delivering what was moved.
    dead.retain(|it| redrive.moved.iter().any(|moved| is_copy(&it.letter, moved)));
    let reasons = reasons(place, &dead).await;
    let mut fates = Vec::new();
    for moved in redrive.moved {
        let order = order(&console.sources, &moved).await.ok().flatten();
        let fate = fate(&moved, redrive.at_ms, order.as_ref(), &queue, &dead, &reasons);
        fates.push((moved, fate));
    }
    render(&RedrivePage { frame, at: clock(redrive.at_ms), fates, problem })
}

fn nothing(frame: Frame, why: String) -> Response {
    NothingPage::new(frame, "Nothing was changed", why).render_as(StatusCode::CONFLICT)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::Message;
    use serde_json::json;

    use super::*;
    use crate::sources::orders::tests::order;

    fn letter(event: Option<&str>) -> Letter {
        let job = json!({"v": 1, "order_id": Uuid::nil(), "number": "ORD-20260221-6BA0A415"});
        let body = match event {
            Some(event) => json!({"detail-type": event, "detail": job}),
            None => job,
        };
        Letter::from(Message::builder().body(body.to_string()).build())
    }

    #[test]
    fn the_preview_tells_a_pending_order_from_a_finished_one() {
        let job = letter(None);
        let [pending, cancelled] = ["pending", "cancelled"].map(|status| order(status, &[], &[]));
        assert!(effect(false, &job, Some(&pending)).starts_with("fulfills"));
        assert!(effect(false, &job, Some(&cancelled)).starts_with("changes nothing"));
        assert!(effect(false, &job, None).contains("dead letter"));
        assert!(effect(true, &job, Some(&pending)).contains("stays pending"));
        assert_eq!(effect(true, &job, Some(&cancelled)), "deletes this message");
    }

    #[test]
    fn the_preview_tells_a_mail_that_was_sent_from_one_that_was_not() {
        let order =
            order("shipped", &[], &[("OrderPlaced", Some(("sent", 1))), ("OrderShipped", None)]);
        let [placed, shipped] = ["OrderPlaced", "OrderShipped"].map(|event| letter(Some(event)));
        assert!(effect(false, &placed, Some(&order)).starts_with("changes nothing"));
        assert!(effect(false, &shipped, Some(&order)).starts_with("sends the mail"));
        assert!(effect(true, &shipped, Some(&order)).contains("is not sent"));
        assert_eq!(effect(true, &placed, Some(&order)), "deletes this message");
    }
}
