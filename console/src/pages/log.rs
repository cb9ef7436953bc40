//! Log lines as rows of a table.

use crate::collect::kept::Trace;
use crate::collect::line::{Level, Line};
use crate::format::{clock, millis};

/// A log line as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogRow {
    /// The time of day.
    pub(crate) at: String,
    /// The time since the first line.
    pub(crate) since: String,
    /// The function.
    pub(crate) function: String,
    /// The level, in words.
    pub(crate) level: &'static str,
    /// What happened.
    pub(crate) message: String,
    /// The other fields.
    pub(crate) details: String,
}

/// The lines of a trace.
pub(crate) fn rows(trace: &Trace) -> Vec<LogRow> {
    let first = trace.lines.first().map_or(0, |line| line.at_ms);
    trace.lines.iter().map(|line| row(line, first)).collect()
}

fn row(line: &Line, first_ms: i64) -> LogRow {
    let answer = line.answer.map(|(status, ms)| format!("status={status} in {}", millis(ms)));
    let details =
        answer.into_iter().chain((!line.details.is_empty()).then(|| line.details.clone()));
    #[expect(clippy::cast_precision_loss, reason = "a trace takes minutes")]
    let since = (line.at_ms - first_ms) as f64;
    LogRow {
        at: clock(line.at_ms),
        since: format!("+{}", millis(since)),
        function: line.function.clone(),
        level: level(line.level),
        message: line.message.clone(),
        details: details.collect::<Vec<_>>().join(" "),
    }
}

/// A level in words, which is also the name of its color.
pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warn => "warning",
        Level::Error => "error",
    }
}
