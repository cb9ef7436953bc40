//! Redriving and deleting chosen dead letters: a preview, the change, and the fate of each afterwards.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use uuid::Uuid;
use waybill_ops::dlq::{self, Letter};
use waybill_ops::error::Result;

use super::fate::{Fate, fate};
use super::fields::Fields;
use super::nothing::NothingPage;
use super::queues::{Row, reasons, row};
use super::render;
use crate::console::Shared;
use crate::format::{clock, now_ms};
use crate::frame::{Frame, Page};
use crate::lock::lock;
use crate::redriven::REMEMBERED;
use crate::sources::queues::Seen;
use crate::sources::{Sources, sentence};

/// The preview.
#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    frame: Frame,
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

/// `GET /queues/confirm?action=…&message=…`: changes nothing.
pub(crate) async fn confirm(State(console): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(&query.unwrap_or_default());
    let chosen = fields.all("message");
    let deletes = fields.get("action") == "delete";
    let frame = console.frame(Page::Queues).await;
    let seen = match console.sources.peek(&console.sources.place.dlq_url).await {
        Ok(seen) => seen,
        Err(error) => return nothing(frame, sentence(&error)),
    };
    let seen: Vec<Seen> =
        seen.into_iter().filter(|it| chosen.iter().any(|id| id == it.letter.id())).collect();
    if seen.is_empty() {
        return nothing(frame, "Choose at least one dead letter that is still there.".to_owned());
    }
    let reasons = reasons(&console, &seen).await;
    let mut rows = Vec::new();
    for it in &seen {
        let known = status(&console.sources, &it.letter).await;
        let effect = effect(deletes, known.as_ref().ok().and_then(Option::as_deref));
        let status = match known {
            Ok(Some(status)) => status,
            Ok(None) => "no such order".to_owned(),
            Err(_) => "not known".to_owned(),
        };
        rows.push(Preview { row: row(it, &reasons, now_ms()), status, effect });
    }
    let gone = chosen.len().saturating_sub(rows.len());
    render(&ConfirmPage { frame, deletes, rows, gone })
}

/// What will happen to a letter, by the status of its order.
fn effect(deletes: bool, status: Option<&str>) -> &'static str {
    match (deletes, status) {
        (true, Some("pending")) => {
            "deletes this message; the order stays pending, and the relay may send its job again"
        }
        (true, _) => "deletes this message",
        (false, Some("pending")) => "fulfills the order, if the cause is fixed",
        (false, Some(_)) => "changes nothing: the order is not pending any more",
        (false, None) => "comes back as a dead letter, unless the cause is fixed",
    }
}

/// The status of the order of a letter, if there is such an order.
async fn status(sources: &Sources, letter: &Letter) -> Result<Option<String>> {
    let id = letter.job.as_ref().and_then(|job| job.order_id.parse::<Uuid>().ok());
    let Some(id) = id else { return Ok(None) };
    Ok(sources.order(id).await?.map(|order| order.status))
}

/// `POST /queues/redrive`: moves the chosen letters back.
pub(crate) async fn redrive(State(console): State<Shared>, body: String) -> Response {
    let chosen = Fields::parse(&body).all("message");
    let before = now_ms();
    match dlq::redrive_messages(&console.sources.place, &chosen).await {
        Ok(moved) => {
            let number = lock(&console.redrives).add(before, moved);
            Redirect::to(&format!("/queues/redrives/{number}")).into_response()
        }
        Err(error) => {
            let frame = console.frame(Page::Queues).await;
            nothing(frame, sentence(&error))
        }
    }
}

/// `POST /queues/delete`: deletes the chosen letters.
pub(crate) async fn delete(State(console): State<Shared>, body: String) -> Response {
    let chosen = Fields::parse(&body).all("message");
    match dlq::delete_messages(&console.sources.place, &chosen).await {
        Ok(_) => Redirect::to("/queues").into_response(),
        Err(error) => {
            let frame = console.frame(Page::Queues).await;
            nothing(frame, sentence(&error))
        }
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
    let place = &console.sources.place;
    let (queue, dead) =
        tokio::join!(console.sources.peek(&place.queue_url), console.sources.peek(&place.dlq_url));
    let problem = queue.as_ref().err().or(dead.as_ref().err()).map(sentence);
    let (queue, dead) = (queue.unwrap_or_default(), dead.unwrap_or_default());
    let reasons = reasons(&console, &dead).await;
    let mut fates = Vec::new();
    for moved in redrive.moved {
        let id = moved.job.as_ref().and_then(|job| job.order_id.parse::<Uuid>().ok());
        let order = match id {
            Some(id) => console.sources.order(id).await.ok().flatten(),
            None => None,
        };
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
    use super::*;

    #[test]
    fn the_preview_tells_a_pending_order_from_a_finished_one() {
        assert!(effect(false, Some("pending")).starts_with("fulfills"));
        assert!(effect(false, Some("cancelled")).starts_with("changes nothing"));
        assert!(effect(false, None).contains("dead letter"));
        assert!(effect(true, Some("pending")).contains("stays pending"));
        assert_eq!(effect(true, Some("confirmed")), "deletes this message");
    }
}
