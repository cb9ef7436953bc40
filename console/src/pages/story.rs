//! The story of an order or a request as a waterfall: a row for each bar, with its log lines below.

use waybill_ops::story::{Bar, BarKind, LogLine, Recorded, Scale, Story, tell};
use waybill_ops::subject::Subject;

use crate::collect::kept::Trace;
use crate::format::{clock, millis};

/// How deep rows are indented at most.
const DEEPEST: usize = 6;
/// The fields of a log line that are shown.
const FIELDS: [&str; 4] = ["status", "problem", "reason", "error"];
/// The least width of a bar, in percent.
const LEAST: f64 = 1.5;

/// A waterfall.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waterfall {
    /// When it began, and how long it took; empty without bars.
    pub(crate) head: String,
    /// Bars and log lines, each line below its bar.
    pub(crate) rows: Vec<Row>,
    /// Log lines that belong to no bar.
    pub(crate) loose: Vec<Row>,
    /// Lines that were left out because there were too many.
    pub(crate) left_out: usize,
}

/// A row of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The time since it began.
    pub(crate) at: String,
    /// How long it took; empty for a log line.
    pub(crate) took: String,
    /// The function or the queue.
    pub(crate) place: String,
    /// What happened.
    pub(crate) what: String,
    /// How it ended, or the fields of a log line.
    pub(crate) result: String,
    /// `error`, `warning`, or empty.
    pub(crate) tone: &'static str,
    /// How deep it is, from 0.
    pub(crate) depth: usize,
    /// Its bar; none for a log line.
    pub(crate) bar: Option<Drawn>,
}

/// A bar on the time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// The left edge in percent.
    pub(crate) x: String,
    /// The width in percent.
    pub(crate) width: String,
    /// The class of its color.
    pub(crate) class: &'static str,
    /// What it shows, in words.
    pub(crate) words: String,
}

/// The waterfall of a subject in these traces; none if they have nothing about it.
pub(crate) fn waterfall(subject: &str, traces: &[Trace]) -> Option<Waterfall> {
    let mut recorded = Recorded::default();
    traces.iter().flat_map(Trace::raw).for_each(|line| recorded.add(line));
    let subject: Subject = subject.parse().ok()?;
    let story = tell(&recorded, &subject).ok()?;
    let left_out = traces.iter().map(|trace| trace.left_out).sum();
    Some(Waterfall { left_out, ..drawn(&story) })
}

fn drawn(story: &Story) -> Waterfall {
    let (first, last) = story.range();
    let mut times = Vec::new();
    story.walk(&mut |bar, _| times.extend([bar.start, bar.end]));
    let scale = Scale::new(times);
    let mut rows = Vec::new();
    story.walk(&mut |bar, depth| {
        rows.push(bar_row(bar, depth, first, &scale));
        rows.extend(bar.lines.iter().map(|line| line_row(line, depth + 1, first)));
    });
    let from = if first == 0 { story.loose.first().map_or(0, |line| line.at) } else { first };
    let loose = story.loose.iter().map(|line| line_row(line, 0, from)).collect();
    let head = if rows.is_empty() {
        String::new()
    } else {
        let begun = clock(i64::try_from(first / 1_000_000).unwrap_or_default());
        format!("Began at {begun} and took {}.", time(last - first))
    };
    Waterfall { head, rows, loose, left_out: 0 }
}

fn bar_row(bar: &Bar, depth: usize, first: u64, scale: &Scale) -> Row {
    let at = format!("+{}", time(bar.start.saturating_sub(first)));
    let took = time(bar.end.saturating_sub(bar.start));
    let x = scale.place(bar.start) * 100.0;
    let x = x.min(100.0 - LEAST);
    let width = (scale.place(bar.end) * 100.0 - x).max(LEAST);
    let ended = if bar.has_failed { ", failed" } else { "" };
    let words = format!("{} {} {}: from {at}, {took}{ended}", bar.place, bar.title, bar.result);
    let class = match bar.kind {
        _ if bar.has_failed => "failed",
        BarKind::Wait => "wait",
        BarKind::DeadLetter => "failed",
        BarKind::Request | BarKind::Job => "main",
        BarKind::Statement | BarKind::Send | BarKind::Call | BarKind::Step => "part",
    };
    Row {
        at,
        took,
        place: bar.place.clone(),
        what: bar.title.clone(),
        result: bar.result.clone(),
        tone: if bar.has_failed { "error" } else { "" },
        depth: depth.min(DEEPEST),
        bar: Some(Drawn { x: format!("{x:.2}%"), width: format!("{width:.2}%"), class, words }),
    }
}

fn line_row(line: &LogLine, depth: usize, first: u64) -> Row {
    let fields = FIELDS.iter().filter_map(|key| Some(format!("{key}={}", line.fields.get(*key)?)));
    Row {
        at: format!("+{}", time(line.at.saturating_sub(first))),
        took: String::new(),
        place: line.function.clone(),
        what: line.message.clone(),
        result: fields.collect::<Vec<_>>().join(" "),
        tone: match line.level.as_str() {
            "ERROR" => "error",
            "WARN" => "warning",
            _ => "",
        },
        depth: depth.min(DEEPEST),
        bar: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a page needs no nanoseconds")]
fn time(nanoseconds: u64) -> String {
    millis(nanoseconds as f64 / 1_000_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(kind: BarKind, title: &str, start: u64, end: u64, children: Vec<Bar>) -> Bar {
        let line = LogLine {
            at: end,
            level: "WARN".to_owned(),
            message: "a line".to_owned(),
            ..LogLine::default()
        };
        Bar {
            kind,
            place: "create-order".to_owned(),
            title: title.to_owned(),
            result: "201".to_owned(),
            has_failed: false,
            start,
            end,
            lines: if kind == BarKind::Request { vec![line] } else { Vec::new() },
            children,
        }
    }

    fn story() -> Story {
        let statement = bar(BarKind::Statement, "place_order", 1_000_000, 3_000_000, Vec::new());
        let wait = bar(BarKind::Wait, "wait", 4_000_000, 9_000_000, Vec::new());
        Story {
            order_id: None,
            number: None,
            correlation_ids: Vec::new(),
            bars: vec![bar(BarKind::Request, "POST /orders", 0, 4_000_000, vec![statement, wait])],
            loose: vec![LogLine { at: 5_000_000, ..LogLine::default() }],
        }
    }

    #[test]
    fn each_bar_is_a_row_in_its_place_and_its_lines_are_below_it() {
        let waterfall = drawn(&story());
        let rows: Vec<_> = waterfall.rows.iter().map(|it| (it.what.as_str(), it.depth)).collect();
        let expected = [("POST /orders", 0), ("a line", 1), ("place_order", 1), ("wait", 1)];
        assert_eq!(rows, expected);
        assert!(waterfall.head.ends_with("and took 9.0 ms."), "{}", waterfall.head);
        let [request, line, statement, wait] = waterfall.rows.as_slice() else { panic!("four") };
        assert_eq!((line.at.as_str(), line.tone), ("+4.0 ms", "warning"));
        assert_eq!((statement.at.as_str(), statement.took.as_str()), ("+1.0 ms", "2.0 ms"));
        let wait = wait.bar.as_ref().unwrap();
        assert_eq!(wait.class, "wait");
        assert_eq!(wait.words, "create-order wait 201: from +4.0 ms, 5.0 ms");
        assert_eq!(request.bar.as_ref().unwrap().x, "0.00%");
        assert_eq!(waterfall.loose.len(), 1);
    }

    #[test]
    fn every_bar_can_be_seen_and_stays_in_the_picture() {
        let mut story = story();
        story.bars.push(bar(BarKind::DeadLetter, "dead letter", 9_000_000, 9_000_000, Vec::new()));
        for row in drawn(&story).rows {
            let Some(bar) = row.bar else { continue };
            let number = |text: &str| text.trim_end_matches('%').parse::<f64>().unwrap();
            let (x, width) = (number(&bar.x), number(&bar.width));
            assert!(width >= LEAST && x + width <= 100.01, "{bar:?}");
        }
    }
}
