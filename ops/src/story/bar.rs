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
        _ if span.get("rpc.method").is_some() => BarKind::Call,
        _ => BarKind::Step,
    };
    let destination = span.get("messaging.destination.name");
    let title = match (kind, destination) {
        (BarKind::Send, Some(to)) => {
            format!("send {} to {}", span.get("waybill.event").unwrap_or("job"), short(to))
        }
        (BarKind::Job, _) => format!("process {}", span.get("waybill.event").unwrap_or("message")),
        (BarKind::Call, _) => {
            let host = span.get("server.address").unwrap_or_default();
            format!("{} {host}", span.name).trim_end().to_owned()
        }
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

/// The logical part of a name that CloudFormation made: `<stack>-<logical id>-<random>`.
pub(super) fn short(name: &str) -> &str {
    let is_random = |part: &str| {
        part.len() >= 10 && part.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
    };
    let logical = name.rsplit_once('-').filter(|(_, random)| is_random(random));
    logical.and_then(|(rest, _)| rest.rsplit('-').next()).unwrap_or(name)
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
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ").replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cloudformation_made_is_shortened() {
        for (name, expected) in [
            ("waybill-FulfillmentQueue-4EAF09F2D1491", "FulfillmentQueue"),
            ("my-stack-FulfillmentQueue-4EAF09F2D1491", "FulfillmentQueue"),
            ("waybill", "waybill"),
            ("fulfillment-queue", "fulfillment-queue"),
        ] {
            assert_eq!(short(name), expected);
        }
    }
}
