//! Log lines of the functions.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use waybill_ops::story::{Recorded, Span};

/// How bad a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Everything below a warning.
    Info,
    /// A warning.
    Warn,
    /// An error, or a line that is not JSON, such as a panic.
    Error,
}

/// A line that a function wrote.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// When it was written, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The function, without the name of the stack.
    pub(crate) function: String,
    /// How bad it is.
    pub(crate) level: Level,
    /// What happened.
    pub(crate) message: String,
    /// The fields that are not shown elsewhere, as `name=value`.
    pub(crate) details: String,
    /// The request behind it.
    pub(crate) correlation_id: Option<String>,
    /// The invocation.
    pub(crate) request_id: Option<String>,
    /// The order.
    pub(crate) order_id: Option<String>,
    /// On the line that ends a request: its status and its duration in milliseconds.
    pub(crate) answer: Option<(u16, f64)>,
    /// Whether its invocation was the first of its process.
    pub(crate) cold_start: bool,
    /// The line as it was written.
    pub(crate) raw: String,
}

/// The spans of one invocation, in one line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spans {
    /// The requests that they belong to: several for a batch or a run of the relay.
    pub(crate) correlation_ids: BTreeSet<String>,
    /// When the last ended, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// How long a batch or a run took, in milliseconds; none for a request, which has a line of its own.
    pub(crate) batch_ms: Option<f64>,
    /// The line as it was written.
    pub(crate) raw: Arc<str>,
}

/// The counts of the product cache in one invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CacheCounts {
    /// Products found in a function's memory.
    pub(crate) memory: u64,
    /// Products found in DynamoDB.
    pub(crate) dynamodb: u64,
    /// Products found in neither.
    pub(crate) misses: u64,
    /// Failed calls to DynamoDB.
    pub(crate) errors: u64,
}

/// One line of an event of a log group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// A log line.
    Line(Line),
    /// The counts of the product cache.
    Cache(CacheCounts),
    /// The spans of an invocation.
    Spans(Spans),
    /// The platform's line at the end of an invocation.
    Report,
}

/// Fields that are shown in places of their own, or say nothing here.
const OWN: [&str; 12] = [
    "timestamp",
    "level",
    "service",
    "function",
    "message",
    "name",
    "correlation_id",
    "request_id",
    "order_id",
    "status",
    "duration_ms",
    "cold_start",
];

/// Parses a line that was logged at `at_ms`. Returns none for other lines of the platform.
pub(crate) fn parse(text: &str, function: &str, at_ms: i64) -> Option<Entry> {
    if text.starts_with("REPORT RequestId") {
        return Some(Entry::Report);
    }
    if !waybill_ops::logs::is_of_a_function(text) {
        return None;
    }
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) else {
        return Some(Entry::Line(plain(text, function, at_ms)));
    };
    if waybill_ops::logs::is_trace(text) {
        return Some(Entry::Spans(spans(text, at_ms)));
    }
    if fields.contains_key("_aws") {
        let count = |name: &str| fields.get(name).and_then(Value::as_u64).unwrap_or_default();
        return Some(Entry::Cache(CacheCounts {
            memory: count("CacheMemoryHits"),
            dynamodb: count("CacheDynamoDbHits"),
            misses: count("CacheMisses"),
            errors: count("CacheErrors"),
        }));
    }
    Some(Entry::Line(of_fields(text, &fields, function, at_ms)))
}

/// A line that is not JSON: a panic, or the words of a library.
fn plain(text: &str, function: &str, at_ms: i64) -> Line {
    Line {
        at_ms,
        function: function.to_owned(),
        level: Level::Error,
        message: text.trim().to_owned(),
        details: String::new(),
        correlation_id: None,
        request_id: None,
        order_id: None,
        answer: None,
        cold_start: false,
        raw: text.to_owned(),
    }
}

fn spans(text: &str, at_ms: i64) -> Spans {
    let mut recorded = Recorded::default();
    recorded.add(text);
    let id = |span: &Span| span.get("waybill.correlation_id").map(str::to_owned);
    let is_batch =
        |span: &&Span| span.get("faas.invocation_id").is_some() && span.get("http.route").is_none();
    #[expect(clippy::cast_precision_loss, reason = "a figure needs no nanoseconds")]
    let took = |span: &Span| span.end.saturating_sub(span.start) as f64 / 1_000_000.0;
    let end = recorded.spans.iter().map(|span| span.end / 1_000_000).max();
    Spans {
        correlation_ids: recorded.spans.iter().filter_map(id).collect(),
        at_ms: end.and_then(|end| i64::try_from(end).ok()).unwrap_or(at_ms),
        batch_ms: recorded.spans.iter().find(is_batch).map(took),
        raw: text.into(),
    }
}

fn of_fields(raw: &str, fields: &Map<String, Value>, function: &str, at_ms: i64) -> Line {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let owned = |name: &str| text(name).map(str::to_owned);
    let time = text("timestamp").and_then(|time| time.parse::<Timestamp>().ok());
    let status = fields.get("status").and_then(Value::as_u64);
    let duration = fields.get("duration_ms").and_then(Value::as_f64);
    let others = fields.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    let details = others.map(|(name, value)| match value {
        Value::String(value) => format!("{name}={value}"),
        value => format!("{name}={value}"),
    });
    Line {
        at_ms: time.map_or(at_ms, Timestamp::as_millisecond),
        function: function.to_owned(),
        level: match text("level") {
            Some("ERROR") => Level::Error,
            Some("WARN") => Level::Warn,
            _ => Level::Info,
        },
        message: text("message").unwrap_or_default().to_owned(),
        details: details.collect::<Vec<_>>().join(" "),
        correlation_id: owned("correlation_id"),
        request_id: owned("request_id"),
        order_id: owned("order_id"),
        answer: status.and_then(|status| Some((u16::try_from(status).ok()?, duration?))),
        cold_start: fields.get("cold_start").and_then(Value::as_bool).unwrap_or_default(),
        raw: raw.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A line of a function about a request.
    pub(crate) fn line(function: &str, correlation_id: &str, at_ms: i64) -> Line {
        Line {
            correlation_id: Some(correlation_id.to_owned()),
            level: Level::Info,
            ..plain("request completed", function, at_ms)
        }
    }

    #[test]
    fn a_request_line_has_its_answer_and_the_time_that_it_names() {
        let text = r#"{"function":"create-order","level":"INFO","service":"waybill",
            "timestamp":"2026-02-21T12:00:00.5Z","duration_ms":3.8,"message":"request completed",
            "status":201,"cold_start":true,"correlation_id":"c","name":"request","order_id":"o",
            "request_id":"r"}"#;
        let Some(Entry::Line(line)) = parse(text, "create-order", 1) else { panic!("not a line") };
        assert_eq!((line.at_ms, line.answer), (1_771_675_200_500, Some((201, 3.8))));
        assert_eq!((line.order_id.as_deref(), line.cold_start), (Some("o"), true));
        assert_eq!((line.message.as_str(), line.details.as_str()), ("request completed", ""));
    }

    #[test]
    fn other_fields_are_details() {
        let text = r#"{"level":"ERROR","message":"m","error":"refused: no","attempts":3}"#;
        let Some(Entry::Line(line)) = parse(text, "relay-outbox", 7) else { panic!("not a line") };
        assert_eq!((line.at_ms, line.level), (7, Level::Error));
        assert_eq!(line.details, "attempts=3 error=refused: no");
    }

    #[test]
    fn counts_spans_and_the_platform_s_lines_are_told_apart() {
        let counts =
            r#"{"message":"product cache metrics","_aws":{},"CacheMemoryHits":2,"CacheMisses":1}"#;
        let expected = CacheCounts { memory: 2, misses: 1, ..CacheCounts::default() };
        assert_eq!(parse(counts, "f", 0), Some(Entry::Cache(expected)));
        let spans = json!({"resourceSpans": [{"scopeSpans": [{"spans": [
            {"traceId": "t", "spanId": "s", "name": "n", "kind": 2,
             "startTimeUnixNano": "1771675200000000000", "endTimeUnixNano": "1771675200500000000",
             "attributes": [{"key": "waybill.correlation_id", "value": {"stringValue": "c"}},
                            {"key": "faas.invocation_id", "value": {"stringValue": "r"}}]}]}]}]});
        let raw = spans.to_string();
        let Some(Entry::Spans(spans)) = parse(&raw, "f", 0) else { panic!("not spans: {raw}") };
        assert_eq!((spans.at_ms, spans.batch_ms), (1_771_675_200_500, Some(500.0)));
        assert_eq!(*spans.raw, *raw);
        assert_eq!(spans.correlation_ids, ["c".to_owned()].into());
        assert_eq!(parse("REPORT RequestId: 1\tDuration: 2 ms", "f", 0), Some(Entry::Report));
        assert_eq!(parse("START RequestId: 1 Version: $LATEST", "f", 0), None);
    }

    #[test]
    fn a_line_that_is_not_json_is_an_error() {
        for text in ["thread 'main' panicked at src/main.rs:1:1:", "[1]", "{"] {
            let Some(Entry::Line(line)) = parse(text, "f", 3) else { panic!("{text}") };
            assert_eq!((line.level, line.message.as_str()), (Level::Error, text));
        }
    }
}
