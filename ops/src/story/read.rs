//! Spans and log lines, read from what the functions wrote.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::logs::is_trace;

/// The spans and the log lines of some functions.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// In the order of their lines.
    pub spans: Vec<Span>,
    /// In the order in which they were read.
    pub lines: Vec<LogLine>,
    /// How many lines with spans were read.
    traces: usize,
}

/// A span, as OTLP JSON has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// Its trace.
    pub trace_id: String,
    /// Its id in the trace.
    pub span_id: String,
    /// The span that caused it.
    pub parent_id: Option<String>,
    /// Its name.
    pub name: String,
    /// The number of its kind in OTLP: 2 is a server, 4 a producer, 5 a consumer.
    pub kind: u64,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Trace and span ids that it is linked to.
    pub links: Vec<(String, String)>,
    /// Whether its status is an error.
    pub has_failed: bool,
    /// The function that wrote it.
    pub function: String,
    /// The invocation that wrote it, if its first span is in the same line.
    pub request_id: Option<String>,
    /// Which of the lines with spans it is from.
    pub trace_line: usize,
}

/// A log line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogLine {
    /// Nanoseconds since 1970.
    pub at: u64,
    /// `INFO`, for example.
    pub level: String,
    /// The function that wrote it.
    pub function: String,
    /// What happened.
    pub message: String,
    /// The correlation id of the request behind it.
    pub correlation_id: Option<String>,
    /// The order.
    pub order_id: Option<String>,
    /// The invocation that wrote it.
    pub request_id: Option<String>,
    /// The other fields, as text.
    pub fields: BTreeMap<String, String>,
}

impl Recorded {
    /// Reads a line. One that is neither a log line nor spans is ignored.
    pub fn add(&mut self, line: &str) {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return };
        if is_trace(line) {
            self.add_spans(&value);
        } else {
            self.lines.extend(log_line(&value));
        }
    }

    fn add_spans(&mut self, request: &Value) {
        self.traces += 1;
        let first = self.spans.len();
        for resource in list(request, "resourceSpans") {
            let about = attributes(resource.get("resource").unwrap_or(&Value::Null));
            let function = about.get("faas.name").cloned().unwrap_or_default();
            for scope in list(resource, "scopeSpans") {
                let spans = list(scope, "spans").iter().filter_map(span);
                let trace_line = self.traces;
                self.spans.extend(spans.map(|span| Span {
                    function: function.clone(),
                    trace_line,
                    ..span
                }));
            }
        }
        let written = self.spans.get_mut(first..).unwrap_or_default();
        let request_id =
            written.iter().find_map(|span| span.attributes.get("faas.invocation_id").cloned());
        for span in written {
            span.request_id.clone_from(&request_id);
        }
    }
}

impl Span {
    /// An attribute.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }
}

fn span(value: &Value) -> Option<Span> {
    let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    let time = |key: &str| text(key)?.parse().ok();
    let link = |link: &Value| {
        let id = |key: &str| link.get(key)?.as_str().map(str::to_owned);
        Some((id("traceId")?, id("spanId")?))
    };
    Some(Span {
        trace_id: text("traceId")?,
        span_id: text("spanId")?,
        parent_id: text("parentSpanId").filter(|id| !id.is_empty()),
        name: text("name")?,
        kind: value.get("kind").and_then(Value::as_u64).unwrap_or_default(),
        start: time("startTimeUnixNano")?,
        end: time("endTimeUnixNano")?,
        attributes: attributes(value),
        links: list(value, "links").iter().filter_map(link).collect(),
        has_failed: value.pointer("/status/code").and_then(Value::as_u64) == Some(2),
        ..Span::default()
    })
}

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let attribute = |attribute: &Value| {
        let value = attribute.get("value")?.as_object()?.values().next()?;
        Some((attribute.get("key")?.as_str()?.to_owned(), text(value)))
    };
    list(of, "attributes").iter().filter_map(attribute).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn log_line(value: &Value) -> Option<LogLine> {
    let mut fields: BTreeMap<String, String> =
        value.as_object()?.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    let at: Timestamp = fields.remove("timestamp")?.parse().ok()?;
    let line = LogLine {
        at: u64::try_from(at.as_nanosecond()).ok()?,
        level: fields.remove("level")?,
        function: fields.remove("function")?,
        message: fields.remove("message")?,
        correlation_id: fields.remove("correlation_id"),
        order_id: fields.remove("order_id"),
        request_id: fields.remove("request_id"),
        fields: BTreeMap::new(),
    };
    // The kind of work is the span's name, and metrics say nothing of an order.
    fields.retain(|key, _| !["cold_start", "name", "service"].contains(&key.as_str()));
    let is_metric = fields.contains_key("_aws");
    (!is_metric).then_some(LogLine { fields, ..line })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_log_lines_are_told_apart_and_the_rest_is_ignored() {
        let mut recorded = Recorded::default();
        for line in [
            r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"faas.name","value":{"stringValue":"create-order"}}]},"scopeSpans":[{"scope":{"name":"waybill"},"spans":[{"traceId":"a","spanId":"2","parentSpanId":"1","name":"place_order","kind":3,"startTimeUnixNano":"5","endTimeUnixNano":"7","attributes":[],"status":{"code":2}},{"traceId":"a","spanId":"1","name":"POST /orders","kind":2,"startTimeUnixNano":"4","endTimeUnixNano":"9","attributes":[{"key":"faas.invocation_id","value":{"stringValue":"r-1"}},{"key":"http.response.status_code","value":{"intValue":"201"}}],"links":[{"traceId":"b","spanId":"3"}]}]}]}]}"#,
            r#"{"timestamp":"1970-01-01T00:00:00.000000008Z","level":"INFO","service":"waybill","function":"create-order","message":"request completed","correlation_id":"c","request_id":"r-1","cold_start":false,"status":201}"#,
            r#"{"timestamp":"1970-01-01T00:00:00Z","level":"INFO","function":"get-product","message":"product cache metrics","_aws":{}}"#,
            "thread 'main' panicked",
            r#"{"resourceSpans":7}"#,
            r#"{"level":"INFO"}"#,
            "[]",
        ] {
            recorded.add(line);
        }
        let [statement, request] = &recorded.spans[..] else { panic!("{recorded:?}") };
        assert_eq!(statement.parent_id.as_deref(), Some("1"));
        assert!(statement.has_failed && !request.has_failed);
        assert_eq!((request.start, request.end, &*request.function), (4, 9, "create-order"));
        assert_eq!(request.get("http.response.status_code"), Some("201"));
        assert_eq!(request.links, [("b".to_owned(), "3".to_owned())]);
        assert_eq!(statement.request_id.as_deref(), Some("r-1"));
        let [line] = &recorded.lines[..] else { panic!("{recorded:?}") };
        assert_eq!((line.at, &*line.message), (8, "request completed"));
        assert_eq!(line.fields, BTreeMap::from([("status".to_owned(), "201".to_owned())]));
    }
}
