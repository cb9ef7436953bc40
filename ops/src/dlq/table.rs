//! Dead letters as a table.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::letters::Letter;
use super::reasons::Reasons;

const HEADINGS: [&str; 7] =
    ["ORDER", "EVENT", "AGE", "RECEIVED", "MESSAGE ID", "ORDER ID", "REASON"];
/// The column that jobs don't have.
const EVENT: usize = 1;
/// The most characters of a reason that are shown.
const MOST: usize = 300;

/// A line of headings, and a line for each letter. The reason is last, because it may be long. The
/// column of events is left out if no letter has one.
pub(crate) fn lines(letters: &[&Letter], reasons: &Reasons, now: SystemTime) -> Vec<String> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(letters.iter().map(|letter| row(letter, reasons, now)));
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(|it| width(it).unwrap_or(0)).collect();
    let has_events =
        letters.iter().any(|it| it.content.as_ref().is_some_and(|content| content.event.is_some()));
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.filter(|(column, _)| has_events || *column != EVENT);
        let cells = cells.map(|(_, (cell, &width))| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn row(letter: &Letter, reasons: &Reasons, now: SystemTime) -> [String; 7] {
    let unknown = || "-".to_owned();
    let (number, order_id) = match &letter.content {
        Some(content) => (content.number.clone(), content.order_id.clone()),
        None => (unknown(), unknown()),
    };
    let event =
        letter.content.as_ref().and_then(|content| content.event.clone()).unwrap_or_else(unknown);
    let received = letter.received().map_or_else(unknown, |count| count.to_string());
    let age = letter.sent_at_ms().map_or_else(unknown, |sent| {
        let sent = Duration::from_millis(u64::try_from(sent).unwrap_or_default());
        age(now.duration_since(UNIX_EPOCH + sent).unwrap_or_default())
    });
    let (id, reason) = (letter.id().to_owned(), printable(&reasons.of(letter)));
    [number, event, age, received, id, order_id, reason]
}

/// An age in the largest unit that gives at least two.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// One line of at most [`MOST`] characters without control characters.
fn printable(text: &str) -> String {
    let clean = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    let mut short: String = clean.clone().take(MOST).collect();
    if clean.count() > MOST {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::super::letters::tests::{event_letter, letter, order_letter, with_reason};
    use super::*;

    #[test]
    fn a_row_has_order_age_count_and_reason() {
        let refused = order_letter("m1", 1, "ORD-20260221-6BA0A415");
        let sent = u64::try_from(refused.sent_at_ms().unwrap()).unwrap();
        let now = UNIX_EPOCH + Duration::from_millis(sent) + Duration::from_secs(7_300);
        let refused = with_reason(refused, "the warehouse does not know the article");
        let malformed = letter("m2", "Ada Lovelace <ada@example.com>");
        let lines = lines(&[&refused, &malformed], &Reasons::default(), now);
        assert_eq!(
            lines,
            [
                "ORDER                  AGE  RECEIVED  MESSAGE ID  \
                 ORDER ID                              REASON",
                "ORD-20260221-6BA0A415  2 h  6         m1          \
                 00000000-0000-0000-0000-000000000001  the warehouse does not know the article",
                "-                      2 h  6         m2          \
                 -                                     not known (its log lines are gone)",
            ]
        );
    }

    #[test]
    fn events_have_a_column_of_their_own() {
        let event = event_letter("m1", "OrderShipped", "ORD-20260221-6BA0A415");
        let malformed = letter("m2", "{");
        let lines = lines(&[&event, &malformed], &Reasons::default(), UNIX_EPOCH);
        let column = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
        assert_eq!(
            lines.iter().map(|it| column(it)).collect::<Vec<_>>(),
            ["EVENT", "OrderShipped", "-"]
        );
    }

    #[test]
    fn an_age_has_a_fitting_unit() {
        for (seconds, text) in
            [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_reason_has_no_control_characters_and_a_limit() {
        assert_eq!(printable("a\u{1b}[2J\nb"), "a [2J b");
        let long = printable(&"ä".repeat(MOST + 1));
        assert_eq!(long.chars().count(), MOST + 1);
        assert!(long.ends_with('…'));
        assert_eq!(printable(&"ä".repeat(MOST)), "ä".repeat(MOST));
    }
}
