//! A story as text for a terminal.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::model::{Bar, BarKind, Story};
use super::read::LogLine;
use super::scale::Scale;

/// The columns of the bars.
const BARS: usize = 40;
/// The columns of the names of functions and queues.
const PLACE: usize = 20;
/// The columns of what happened.
const TITLE: usize = 52;

/// The lines of a story: a head, a row for each bar with its log lines below, and what belongs to no
/// bar.
#[must_use]
pub fn render(story: &Story) -> Vec<String> {
    let (first, last) = story.range();
    let mut times = Vec::new();
    story.walk(&mut |bar, _| times.extend([bar.start, bar.end]));
    let scale = Scale::new(times);
    let mut text = head(story, first, last);
    if !story.bars.is_empty() {
        let (at, took, place, what) = ("AT", "TOOK", "WHERE", "WHAT");
        text.push(format!("{at:>10} {took:>9}  {place:PLACE$}  {what}"));
    }
    story.walk(&mut |bar, depth| {
        text.push(row(bar, depth, first, &scale));
        text.extend(bar.lines.iter().map(|line| log(line, depth, first)));
    });
    if !story.loose.is_empty() {
        text.push(String::new());
        text.push("Log lines of invocations without a trace:".to_owned());
        let from = if first == 0 { story.loose.first().map_or(0, |line| line.at) } else { first };
        text.extend(story.loose.iter().map(|line| log(line, 0, from)));
    }
    text
}

fn head(story: &Story, first: u64, last: u64) -> Vec<String> {
    let who = match (&story.number, &story.order_id) {
        (Some(number), Some(id)) => format!("{number}  {id}"),
        (None, Some(id)) => id.clone(),
        _ => "No order".to_owned(),
    };
    let mut head = vec![who];
    head.push(format!("correlation id: {}", story.correlation_ids.join(", ")));
    if !story.bars.is_empty() {
        let begun = i128::from(first);
        let begun = Timestamp::from_nanosecond(begun).unwrap_or_default();
        let begun = begun.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S%.3f UTC");
        head.push(format!("{begun}, {} in all; long waits are drawn shorter", time(last - first)));
    }
    head.push(String::new());
    head
}

fn row(bar: &Bar, depth: usize, first: u64, scale: &Scale) -> String {
    let mark = if bar.has_failed { "! " } else { "" };
    let what = [bar.title.as_str(), bar.result.as_str()];
    let what = what.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
    let what = format!("{}{mark}{what}", "  ".repeat(depth));
    format!(
        "{:>10} {:>9}  {:PLACE$}  {:TITLE$} |{}|",
        format!("+{}", time(bar.start.saturating_sub(first))),
        time(bar.end.saturating_sub(bar.start)),
        cut(&bar.place, PLACE),
        cut(&what, TITLE),
        drawn(bar, scale)
    )
}

/// The bar, at least one column wide.
fn drawn(bar: &Bar, scale: &Scale) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place is from 0 to 1, and there are few columns"
    )]
    let column = |time: u64| ((scale.place(time) * BARS as f64).round() as usize).min(BARS);
    let from = column(bar.start).min(BARS - 1);
    let to = column(bar.end).max(from + 1);
    let fill = match bar.kind {
        BarKind::Wait => "░",
        BarKind::DeadLetter => "✕",
        _ if bar.has_failed => "▓",
        _ => "█",
    };
    format!("{}{}{}", " ".repeat(from), fill.repeat(to - from), " ".repeat(BARS - to))
}

fn log(line: &LogLine, depth: usize, first: u64) -> String {
    let fields = ["status", "problem", "reason", "error"];
    let fields = fields.into_iter().filter_map(|key| Some((key, line.fields.get(key)?)));
    let mut more = String::new();
    for (key, value) in fields {
        let _ = write!(more, " {key}={value}");
    }
    let at = format!("+{}", time(line.at.saturating_sub(first)));
    let (indent, level) = ("  ".repeat(depth + 1), &line.level);
    let text = format!("{at:>10} {:>9}  {:PLACE$}  {indent}{level} {}{more}", "", "", line.message);
    printable(&text)
}

/// Without characters that could move the cursor of a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).collect()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return printable(text);
    }
    let kept: String = text.chars().take(width - 1).collect();
    printable(&format!("{kept}…"))
}

/// A duration in the unit that suits it.
fn time(nanoseconds: u64) -> String {
    let microseconds = nanoseconds / 1000;
    match microseconds {
        0..1_000_000 => format!("{}.{} ms", microseconds / 1000, microseconds % 1000 / 100),
        1_000_000..120_000_000 => {
            format!("{}.{} s", microseconds / 1_000_000, microseconds % 1_000_000 / 100_000)
        }
        _ => format!("{} min", microseconds / 60_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_unit_that_suits_it() {
        for (nanoseconds, text) in [
            (0, "0.0 ms"),
            (1_250_000, "1.2 ms"),
            (999_999_999, "999.9 ms"),
            (2_500_000_000, "2.5 s"),
            (119_000_000_000, "119.0 s"),
            (720_000_000_000, "12 min"),
        ] {
            assert_eq!(time(nanoseconds), text);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_nothing_moves_the_cursor() {
        assert_eq!(cut("fulfill-order", 8), "fulfill…");
        assert_eq!(cut("a\u{1b}[2Jb", 20), "a[2Jb");
    }
}
