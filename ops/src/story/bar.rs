//! The bar of a span.

use super::model::{Bar, BarKind};
use super::read::Span;

const SERVER: u64 = 2;
const PRODUCER: u64 = 4;
const CONSUMER: u64 = 5;

/// The bar of a span, without children and lines.
pub(super) fn of(span: &Span) -> Bar {
    let kind = match span.kind {
        SERVER => BarKind::Request,
        PRODUCER => BarKind::Send,
        CONSUMER => BarKind::Job,
        _ if span.get("db.query.summary").is_some() => BarKind::Statement,
        _ if span.get("http.request.method").is_some() => BarKind::Call,
        _ if span.get("db.system.name").is_some() => BarKind::Call,
        _ => BarKind::Step,
    };
    let title = match (kind, span.get("waybill.event"), span.get("server.address")) {
        (BarKind::Send, Some(event), _) => format!("{event} to {}", destination(span)),
        (BarKind::Call, _, Some(host)) => format!("{} {host}", span.name),
        _ => span.name.clone(),
    };
    Bar {
        kind,
        place: span.function.clone(),
        title,
        result: result(span),
        has_failed: span.has_failed,
        start: span.start,
        end: span.end,
        lines: Vec::new(),
        children: Vec::new(),
    }
}

fn destination(span: &Span) -> &str {
    span.get("messaging.destination.name").unwrap_or("?")
}

/// How the work of a span ended.
fn result(span: &Span) -> String {
    let parts = [
        span.get("http.response.status_code"),
        span.get("waybill.problem"),
        span.get("waybill.replayed").map(|_| "replayed"),
        span.get("waybill.outcome"),
        // A kind that is said already is not repeated.
        span.get("error.type").filter(|kind| {
            Some(*kind) != span.get("http.response.status_code")
                && Some(*kind) != span.get("waybill.outcome")
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
