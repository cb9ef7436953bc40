//! What belongs to a story.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Recorded, Span};
use crate::error::{Error, Result};
use crate::subject::{Subject, is_number};

/// What belongs to a story.
pub(super) struct About {
    pub(super) order_id: Option<String>,
    pub(super) correlation_ids: BTreeSet<String>,
    /// The places of its spans in what was recorded.
    pub(super) spans: BTreeSet<usize>,
}

impl About {
    /// What belongs to the story of `order_id`, or to that of a request that placed no order.
    pub(super) fn new(recorded: &Recorded, subject: &Subject, order_id: Option<String>) -> Self {
        let asked = match subject {
            Subject::Correlation(id) => Some(id.as_str()),
            Subject::Order(_) | Subject::Number(_) => None,
        };
        // A client may use a correlation id for several requests.
        let is_first = |span: &Span| match (&order_id, span.get("waybill.order_id")) {
            (Some(order), Some(other)) => order == other,
            (Some(_), None) => false,
            (None, _) => asked.is_some() && span.get("waybill.correlation_id") == asked,
        };
        let spans = with_descendants(recorded, order_id.as_deref(), is_first);
        let of_spans = spans.iter().filter_map(|index| recorded.spans.get(*index));
        let of_spans = of_spans.filter_map(|span| span.get("waybill.correlation_id"));
        let of_lines = recorded
            .lines
            .iter()
            .filter(|line| line.order_id.is_some() && line.order_id == order_id);
        let of_lines = of_lines.filter_map(|line| line.correlation_id.as_deref());
        let correlation_ids = of_spans.chain(of_lines).chain(asked).map(str::to_owned).collect();
        Self { order_id, correlation_ids, spans }
    }
}

/// The first spans, and all that they caused, without those of other orders.
fn with_descendants(
    recorded: &Recorded,
    order_id: Option<&str>,
    is_first: impl Fn(&Span) -> bool,
) -> BTreeSet<usize> {
    let mut children: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (index, span) in recorded.spans.iter().enumerate() {
        if let Some(parent) = &span.parent_id {
            children.entry((&span.trace_id, parent)).or_default().push(index);
        }
    }
    let first = recorded.spans.iter().enumerate().filter(|(_, span)| is_first(span));
    let mut left: Vec<usize> = first.map(|(index, _)| index).collect();
    let mut found = BTreeSet::new();
    while let Some(index) = left.pop() {
        let Some(span) = recorded.spans.get(index) else { continue };
        let is_ours = span.get("waybill.order_id").is_none_or(|id| Some(id) == order_id);
        if is_ours && found.insert(index) {
            left.extend(children.get(&(&*span.trace_id, &*span.span_id)).into_iter().flatten());
        }
    }
    found
}

/// The ids of the orders that `subject` is about, among those that were recorded. Empty for a request that
/// placed none.
///
/// # Errors
/// If nothing that was recorded is about the subject.
pub(super) fn orders(subject: &Subject, recorded: &Recorded) -> Result<BTreeSet<String>> {
    let all = || {
        let spans = recorded.spans.iter().filter_map(|span| span.get("waybill.order_id"));
        spans.chain(recorded.lines.iter().filter_map(|line| line.order_id.as_deref()))
    };
    let found: BTreeSet<String> = match subject {
        Subject::Order(id) => {
            let id = id.to_string();
            all().filter(|other| **other == id).map(str::to_owned).collect()
        }
        Subject::Number(number) => {
            all().filter(|id| is_number(number, id)).map(str::to_owned).collect()
        }
        Subject::Correlation(id) => return with_correlation(id, recorded),
    };
    if found.is_empty() {
        return Err(not_found(subject));
    }
    Ok(found)
}

fn not_found(subject: &Subject) -> Error {
    Error::new(format!(
        "No log line and no trace mentions {subject}. Look further back with --since 24h, or check \
         the spelling."
    ))
}

fn with_correlation(id: &str, recorded: &Recorded) -> Result<BTreeSet<String>> {
    let spans = recorded.spans.iter().filter(|span| span.get("waybill.correlation_id") == Some(id));
    let lines = recorded.lines.iter().filter(|line| line.correlation_id.as_deref() == Some(id));
    let mut is_known = false;
    let orders = spans.map(|span| span.get("waybill.order_id"));
    let orders = orders
        .chain(lines.map(|line| line.order_id.as_deref()))
        .inspect(|_| is_known = true)
        .flatten()
        .map(str::to_owned)
        .collect();
    if is_known { Ok(orders) } else { Err(not_found(&Subject::Correlation(id.to_owned()))) }
}
