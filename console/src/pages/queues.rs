//! Queues: the messages in them, and the dead letters with their reasons.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use waybill_ops::dlq::{Letter, Place, Queue, Reasons};

use super::render;
use crate::console::Shared;
use crate::format::{age, clock, now_ms, plural};
use crate::frame::{Frame, Page};
use crate::lock::lock;
use crate::redriven::Redrive;
use crate::sources::queues::Seen;
use crate::sources::sentence;

/// The most messages of each queue that are shown.
const SHOWN: usize = 100;

/// The page.
#[derive(Template)]
#[template(path = "queues.html")]
struct QueuesPage {
    frame: Frame,
    sections: Vec<Section>,
    redrives: Vec<(u64, String)>,
}

/// A queue with its dead letters.
struct Section {
    queue: Queue,
    messages: List,
    dead: List,
}

impl Section {
    /// What is in the queue.
    fn title(&self) -> &'static str {
        match self.queue {
            Queue::Fulfillment => "Fulfillment jobs",
            Queue::Mail => "Events for mail",
        }
    }

    /// What is in its dead-letter queue.
    fn dead_title(&self) -> &'static str {
        match self.queue {
            Queue::Fulfillment => "Dead jobs",
            Queue::Mail => "Dead events for mail",
        }
    }

    /// Whether its messages are events.
    fn has_events(&self) -> bool {
        self.queue == Queue::Mail
    }
}

/// The messages of a queue.
#[derive(Debug, Default)]
struct List {
    rows: Vec<Row>,
    /// How many are not shown.
    more: usize,
    problem: Option<String>,
}

/// A message in a list.
#[derive(Debug)]
pub(crate) struct Row {
    /// The message id.
    pub(crate) id: String,
    /// The number and the id of its order.
    pub(crate) order: Option<(String, String)>,
    /// The event; empty for a job.
    pub(crate) event: String,
    /// Its age.
    pub(crate) age: String,
    /// How often it was received.
    pub(crate) received: u32,
    /// Whether it waits, or until when it is hidden.
    pub(crate) state: String,
    /// Why it is dead.
    pub(crate) reason: String,
    /// Its body.
    pub(crate) body: String,
}

/// `GET /queues`
pub(crate) async fn page(State(console): State<Shared>) -> Response {
    let frame = console.frame(Page::Queues).await;
    let mut sections = Vec::new();
    for place in console.sources.places() {
        sections.push(section(&console, place).await);
    }
    let redrives = lock(&console.redrives).newest_first().map(title).collect();
    render(&QueuesPage { frame, sections, redrives })
}

async fn section(console: &Shared, place: &Place) -> Section {
    let (messages, dead) =
        tokio::join!(console.sources.peek(&place.queue_url), console.sources.peek(&place.dlq_url));
    let reasons = match &dead {
        Ok(seen) => reasons(place, seen).await,
        Err(_) => Reasons::default(),
    };
    let now_ms = now_ms();
    let list = |seen: waybill_ops::error::Result<Vec<Seen>>| match seen {
        Ok(seen) => List {
            more: seen.len().saturating_sub(SHOWN),
            rows: seen.iter().take(SHOWN).map(|it| row(it, &reasons, now_ms)).collect(),
            problem: None,
        },
        Err(error) => List { problem: Some(sentence(&error)), ..List::default() },
    };
    let (messages, mut dead) = (list(messages), list(dead));
    dead.problem = dead.problem.or_else(|| reasons.failure.clone());
    Section { queue: place.queue, messages, dead }
}

/// The number of a redrive, and a title for it.
fn title(redrive: &Redrive) -> (u64, String) {
    let letters = plural(redrive.moved.len() as u64, "letter");
    let queue = redrive.queue.name();
    (redrive.number, format!("{letters} to the queue {queue} at {}", clock(redrive.at_ms)))
}

/// Why the first messages are dead.
pub(crate) async fn reasons(place: &Place, seen: &[Seen]) -> Reasons {
    let letters: Vec<&Letter> = seen.iter().take(SHOWN).map(|it| &it.letter).collect();
    Reasons::read(&place.log, &letters).await
}

/// A message as it is shown.
pub(crate) fn row(seen: &Seen, reasons: &Reasons, now_ms: i64) -> Row {
    let letter = &seen.letter;
    #[expect(clippy::cast_precision_loss, reason = "a message lives for two weeks")]
    let age_of = |sent: i64| age((now_ms - sent).max(0) as f64 / 1_000.0);
    Row {
        id: letter.id().to_owned(),
        order: letter.content.as_ref().map(|it| (it.number.clone(), it.order_id.clone())),
        event: letter.content.as_ref().and_then(|it| it.event.clone()).unwrap_or_default(),
        age: letter.sent_at_ms().map_or_else(|| "–".to_owned(), age_of),
        received: letter.received().unwrap_or_default(),
        state: match seen.hidden_until_ms {
            Some(until) => format!("taken or delayed until {}", clock(until)),
            None => "waiting".to_owned(),
        },
        reason: reasons.of(letter),
        body: letter.readable_body(),
    }
}
