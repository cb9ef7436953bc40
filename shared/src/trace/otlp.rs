//! Spans as OTLP JSON: the protobuf JSON mapping of `ExportTraceServiceRequest`.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use std::fmt;

use opentelemetry_semantic_conventions::SCHEMA_URL;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::context::TraceContext;
use super::record::{Record, Value};
use crate::telemetry::{self, SERVICE};

/// The status code of a span that failed.
const ERROR: u8 = 2;

/// The line for these spans, with a line break.
pub(super) fn line(records: &[Record]) -> serde_json::Result<Vec<u8>> {
    let request = Request {
        resource_spans: [ResourceSpans {
            resource: Resource {
                attributes: [
                    Attribute { key: "service.name", value: AnyValue::Text(SERVICE) },
                    Attribute { key: "faas.name", value: AnyValue::Text(telemetry::function()) },
                ],
            },
            scope_spans: [ScopeSpans {
                scope: Scope { name: SERVICE },
                schema_url: SCHEMA_URL,
                spans: Spans(records),
            }],
        }],
    };
    let mut line = serde_json::to_vec(&request)?;
    line.push(b'\n');
    Ok(line)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: [Attribute<'a>; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeSpans<'a> {
    scope: Scope,
    schema_url: &'static str,
    spans: Spans<'a>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
}

struct Spans<'a>(&'a [Record]);

impl Serialize for Spans<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut spans = serializer.serialize_seq(Some(self.0.len()))?;
        for record in self.0 {
            spans.serialize_element(&Span::of(record))?;
        }
        spans.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    trace_id: Text<Hex128>,
    #[serde(rename = "spanId")]
    id: Text<Hex64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<Text<Hex64>>,
    name: &'a str,
    kind: u8,
    // Numbers of 64 bits are texts in this mapping.
    start_time_unix_nano: Text<u64>,
    end_time_unix_nano: Text<u64>,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

impl<'a> Span<'a> {
    fn of(record: &'a Record) -> Self {
        let attribute = |(key, value): &'a (&'static str, Value)| Attribute {
            key,
            value: match value {
                Value::Text(text) => AnyValue::Text(text),
                Value::Number(number) => AnyValue::Number(Text(*number)),
                Value::Flag(flag) => AnyValue::Flag(*flag),
            },
        };
        let end = record.end.unwrap_or(record.start).max(record.start);
        Self {
            trace_id: Text(Hex128(record.context.trace_id)),
            id: Text(Hex64(record.context.span_id)),
            parent_span_id: record.parent.map(|parent| Text(Hex64(parent))),
            name: &record.name,
            kind: record.kind.number(),
            start_time_unix_nano: Text(record.start),
            end_time_unix_nano: Text(end),
            attributes: record.attributes.iter().map(attribute).collect(),
            links: record.links.iter().map(Link::to).collect(),
            status: record.has_failed.then_some(Status { code: ERROR }),
        }
    }
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
enum AnyValue<'a> {
    #[serde(rename = "stringValue")]
    Text(&'a str),
    #[serde(rename = "intValue")]
    Number(Text<i64>),
    #[serde(rename = "boolValue")]
    Flag(bool),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    trace_id: Text<Hex128>,
    span_id: Text<Hex64>,
}

impl Link {
    fn to(context: &TraceContext) -> Self {
        Self { trace_id: Text(Hex128(context.trace_id)), span_id: Text(Hex64(context.span_id)) }
    }
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

/// A value that is written as text.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Hex64(u64);

impl fmt::Display for Hex64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

struct Hex128(u128);

impl fmt::Display for Hex128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trace::Kind;

    #[test]
    fn a_line_is_otlp_json() {
        let context = |span_id| TraceContext { trace_id: 0xaf7, span_id, is_sampled: true };
        let records = [
            Record {
                context: context(1),
                name: "POST /orders".to_owned(),
                kind: Kind::Server,
                start: 1_771_675_200_500_000_000,
                end: Some(1_771_675_200_501_000_000),
                attributes: vec![
                    ("http.response.status_code", Value::Number(503)),
                    ("faas.coldstart", Value::Flag(true)),
                ],
                has_failed: true,
                ..Record::default()
            },
            Record {
                context: context(2),
                parent: Some(1),
                name: "place_order".to_owned(),
                kind: Kind::Client,
                start: 7,
                end: Some(6),
                attributes: vec![("db.query.summary", "place_order".into())],
                links: vec![context(3)],
                ..Record::default()
            },
        ];
        let line = line(&records).unwrap();
        assert_eq!(line.last(), Some(&b'\n'));
        let trace = "00000000000000000000000000000af7";
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&line).unwrap(),
            json!({"resourceSpans": [{
                "resource": {"attributes": [
                    {"key": "service.name", "value": {"stringValue": "waybill"}},
                    {"key": "faas.name", "value": {"stringValue": telemetry::function()}},
                ]},
                "scopeSpans": [{
                    "scope": {"name": "waybill"},
                    "schemaUrl": SCHEMA_URL,
                    "spans": [
                        {
                            "traceId": trace,
                            "spanId": "0000000000000001",
                            "name": "POST /orders",
                            "kind": 2,
                            "startTimeUnixNano": "1771675200500000000",
                            "endTimeUnixNano": "1771675200501000000",
                            "attributes": [
                                {"key": "http.response.status_code", "value": {"intValue": "503"}},
                                {"key": "faas.coldstart", "value": {"boolValue": true}},
                            ],
                            "status": {"code": 2},
                        },
                        {
                            "traceId": trace,
                            "spanId": "0000000000000002",
                            "parentSpanId": "0000000000000001",
                            "name": "place_order",
                            "kind": 3,
                            "startTimeUnixNano": "7",
                            "endTimeUnixNano": "7",
                            "attributes": [
                                {"key": "db.query.summary", "value": {"stringValue": "place_order"}},
                            ],
                            "links": [{"traceId": trace, "spanId": "0000000000000003"}],
                        },
                    ],
                }],
            }]})
        );
    }
}
