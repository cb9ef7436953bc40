//! Puts the log lines of a story at its bars.

use super::about::About;
use super::model::{Bar, BarKind, Story};
use super::read::{LogLine, Recorded, Span};

/// Adds the log lines that belong to the story, each to the innermost bar that it was written in. A
/// line whose invocation has no bar is loose.
pub(super) fn attach(recorded: &Recorded, about: &About, story: &mut Story) {
    let spans: Vec<&Span> =
        about.spans.iter().filter_map(|index| recorded.spans.get(*index)).collect();
    let mut lines: Vec<&LogLine> =
        recorded.lines.iter().filter(|line| belongs(line, about, &spans)).collect();
    lines.sort_by_key(|line| line.at);
    for line in lines {
        let of_invocation = spans
            .iter()
            .filter(|span| span.request_id.is_some() && span.request_id == line.request_id);
        // That of the same event; the last one that had begun, or else the first.
        let event = line.fields.get("event").map(String::as_str);
        let at = of_invocation
            .min_by_key(|span| {
                let is_other = event.is_some() && span.get("waybill.event") != event;
                let contains = span.start <= line.at && line.at <= span.end;
                (is_other, !contains, span.start > line.at, line.at.abs_diff(span.start))
            })
            .copied();
        match at.and_then(|span| find(&mut story.bars, span)) {
            Some(bar) => bar.lines.push(line.clone()),
            None => story.loose.push(line.clone()),
        }
    }
}

fn belongs(line: &LogLine, about: &About, spans: &[&Span]) -> bool {
    if line.order_id.is_some() {
        return line.order_id == about.order_id;
    }
    match &line.correlation_id {
        Some(id) => about.correlation_ids.contains(id),
        // A line about a whole batch.
        None => {
            let is_bad = ["WARN", "ERROR"].contains(&line.level.as_str());
            let is_here = |span: &&Span| {
                span.request_id.is_some()
                    && span.request_id == line.request_id
                    && span.get("waybill.receive_count").is_some()
            };
            is_bad && spans.iter().any(is_here)
        }
    }
}

/// The bar of a span.
fn find<'a>(bars: &'a mut [Bar], span: &Span) -> Option<&'a mut Bar> {
    for bar in bars {
        let is_it = bar.start == span.start
            && bar.end == span.end
            && bar.place == span.function
            && !matches!(bar.kind, BarKind::Wait | BarKind::DeadLetter);
        if is_it {
            return Some(bar);
        }
        if let Some(found) = find(&mut bar.children, span) {
            return Some(found);
        }
    }
    None
}
