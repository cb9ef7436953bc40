//! The tries of a message: its waits in a queue, and its end as a dead letter.

use std::collections::BTreeMap;

use super::bar::short;
use super::model::{Bar, BarKind};
use super::read::Span;

/// After how many tries a message becomes a dead letter; `template.yaml` says so to SQS.
const MOST_TRIES: u64 = 5;

/// What surrounds a try of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Try {
    queue: String,
    /// When the wait before it began.
    waits_since: Option<u64>,
    number: u64,
    /// What it is to another message with the same job or event.
    copy: Copy,
    /// Whether it was the last one.
    is_last: bool,
}

/// What a message is to another one with the same job or event that came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copy {
    /// There is no other, or somebody is known to have sent this one as well.
    None,
    /// The other one was a dead letter, which this one was moved back from.
    Redriven,
    /// The other one was not: a sender got no answer, and sent again.
    Second,
}

/// The tries among these spans, by trace and span id.
pub(super) fn tries(spans: &[&Span]) -> BTreeMap<(String, String), Try> {
    let mut received: Vec<&Span> =
        spans.iter().copied().filter(|span| span.get("waybill.receive_count").is_some()).collect();
    received.sort_by_key(|span| span.start);
    let sent = spans.iter().filter(|span| span.name.starts_with("send "));
    let sent: BTreeMap<&str, &Span> =
        sent.filter_map(|span| Some((message(span)?, *span))).collect();
    let mut seen: Vec<&Span> = Vec::new();
    let mut tries = BTreeMap::new();
    for span in received {
        let number = span.get("waybill.receive_count").and_then(|it| it.parse().ok()).unwrap_or(1);
        let same_queue = |other: &&&Span| queue(other) == queue(span);
        let before =
            seen.iter().rev().filter(same_queue).find(|other| message(other) == message(span));
        let sender = message(span).and_then(|id| sent.get(id));
        let waits_since =
            before.map(|before| before.end).or_else(|| sent_at(span, sender.copied()));
        // Each event of an order is a message of its own.
        let mut others = seen.iter().filter(same_queue).filter(|other| {
            message(other) != message(span)
                && other.get("waybill.event") == span.get("waybill.event")
        });
        let copy = match others.clone().next() {
            Some(_) if sender.is_none() && others.any(|other| is_dead(other)) => Copy::Redriven,
            Some(_) if sender.is_none() => Copy::Second,
            _ => Copy::None,
        };
        let attempt = Try {
            queue: queue(span).to_owned(),
            waits_since: waits_since.filter(|since| *since < span.start),
            number,
            copy,
            is_last: span.has_failed && number >= MOST_TRIES,
        };
        tries.insert((span.trace_id.clone(), span.span_id.clone()), attempt);
        seen.push(span);
    }
    tries
}

impl Try {
    /// The bar of this try, with the bars before and after it.
    pub(super) fn around(&self, bar: Bar) -> Vec<Bar> {
        let title = match (self.copy, self.number) {
            (Copy::Redriven, 0 | 1) => "wait after redrive".to_owned(),
            (Copy::Second, 0 | 1) => "wait of a second copy".to_owned(),
            (Copy::None, 0 | 1) => "wait in the queue".to_owned(),
            (_, number) => format!("wait for try {number}"),
        };
        let wait = self.waits_since.map(|since| Bar {
            title,
            start: since,
            end: bar.start,
            ..self.of_queue(BarKind::Wait)
        });
        let letter = self.is_last.then(|| Bar {
            title: format!("dead letter after {} tries", self.number),
            has_failed: true,
            start: bar.end,
            end: bar.end,
            ..self.of_queue(BarKind::DeadLetter)
        });
        wait.into_iter().chain([bar]).chain(letter).collect()
    }

    fn of_queue(&self, kind: BarKind) -> Bar {
        Bar {
            kind,
            place: short(&self.queue).to_owned(),
            title: String::new(),
            result: String::new(),
            has_failed: false,
            start: 0,
            end: 0,
            lines: Vec::new(),
            children: Vec::new(),
        }
    }
}

/// Whether the message of a try is a dead letter after it.
fn is_dead(span: &Span) -> bool {
    let number = span.get("waybill.receive_count").and_then(|it| it.parse::<u64>().ok());
    let is_refused = span.get("waybill.outcome") == Some("refused");
    span.has_failed && (is_refused || number.is_some_and(|number| number >= MOST_TRIES))
}

/// When the message of a try was sent. The queue says so in milliseconds, so it may seem earlier or
/// later than its sending.
fn sent_at(span: &Span, sender: Option<&Span>) -> Option<u64> {
    let milliseconds: u64 = span.get("waybill.sent_at")?.parse().ok()?;
    let at = milliseconds.saturating_mul(1_000_000);
    Some(sender.map_or(at, |sender| at.max(sender.start).min(sender.end.max(sender.start))))
}

fn message(span: &Span) -> Option<&str> {
    span.get("messaging.message.id")
}

fn queue(span: &Span) -> &str {
    span.get("messaging.destination.name").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_allows_as_many_tries() {
        let template = include_str!("../../../template.yaml");
        assert!(template.contains(&format!("maxReceiveCount: {MOST_TRIES}\n")));
    }
}
