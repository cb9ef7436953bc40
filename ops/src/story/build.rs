//! Builds the story of an order from spans and log lines.

use std::collections::BTreeMap;

use waybill::domain::OrderId;

use super::about::{About, orders};
use super::attach::attach;
use super::bar;
use super::model::{Bar, Story};
use super::read::{Recorded, Span};
use super::waits::{self, Try};
use crate::error::{Error, Result};
use crate::subject::Subject;

/// Builds the story.
///
/// # Errors
/// If nothing that was recorded is about the subject, or if it is about several orders.
pub fn tell(recorded: &Recorded, subject: &Subject) -> Result<Story> {
    let orders = orders(subject, recorded)?;
    if orders.len() > 1 {
        let all: Vec<String> = orders.into_iter().collect();
        return Err(Error::new(format!(
            "{} orders belong to {subject}. Ask for one of them: {}.",
            all.len(),
            all.join(", ")
        )));
    }
    let about = About::new(recorded, subject, orders.into_iter().next());
    let mut story = Story {
        number: about.order_id.as_deref().and_then(|id| Some(number_of(id)?.as_str().to_owned())),
        correlation_ids: about.correlation_ids.iter().cloned().collect(),
        bars: bars(recorded, &about),
        loose: Vec::new(),
        order_id: about.order_id.clone(),
    };
    attach(recorded, &about, &mut story);
    Ok(story)
}

fn number_of(id: &str) -> Option<waybill::domain::OrderNumber> {
    Some(OrderId::parse(id).ok()?.number())
}

/// The bars as trees.
fn bars(recorded: &Recorded, about: &About) -> Vec<Bar> {
    let ours =
        || about.spans.iter().filter_map(|index| Some((*index, recorded.spans.get(*index)?)));
    let ids: BTreeMap<(&str, &str), usize> =
        ours().map(|(index, span)| ((&*span.trace_id, &*span.span_id), index)).collect();
    let mut roots = Vec::new();
    let mut below: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, span) in ours() {
        let parent = span.parent_id.as_deref().and_then(|id| ids.get(&(&*span.trace_id, id)));
        match parent {
            Some(parent) => below.entry(*parent).or_default().push(index),
            None => roots.push(index),
        }
    }
    let tries = waits::tries(&ours().map(|(_, span)| span).collect::<Vec<_>>());
    let mut bars: Vec<Bar> =
        roots.into_iter().flat_map(|root| tree(recorded, &below, &tries, root)).collect();
    bars.sort_by_key(|bar| bar.start);
    bars
}

/// The bar of a span with what it caused. In front of it, that of its wait in a queue; behind it, that
/// of the dead letter which its message became.
fn tree(
    recorded: &Recorded,
    below: &BTreeMap<usize, Vec<usize>>,
    tries: &BTreeMap<(String, String), Try>,
    index: usize,
) -> Vec<Bar> {
    let Some(span) = recorded.spans.get(index) else { return Vec::new() };
    let children = below.get(&index).into_iter().flatten();
    let mut children: Vec<Bar> =
        children.flat_map(|child| tree(recorded, below, tries, *child)).collect();
    children.extend(of_the_batch(recorded, span));
    children.sort_by_key(|bar| bar.start);
    let this = Bar { children, ..bar::of(span) };
    match tries.get(&(span.trace_id.clone(), span.span_id.clone())) {
        Some(attempt) => attempt.around(this),
        None => vec![this],
    }
}

/// The statements of the batch that a job came in, which serve all of its jobs.
fn of_the_batch<'a>(recorded: &'a Recorded, job: &'a Span) -> impl Iterator<Item = Bar> + 'a {
    let in_line = move |span: &&Span| span.trace_line == job.trace_line;
    let is_batch = |span: &Span| {
        job.links.iter().any(|(trace, id)| *trace == span.trace_id && *id == span.span_id)
    };
    let is_job = job.get("waybill.receive_count").is_some();
    let batch = recorded.spans.iter().filter(in_line).find(move |span| is_job && is_batch(span));
    batch.into_iter().flat_map(move |batch| {
        let jobs = batch.get("messaging.batch.message_count").unwrap_or("1");
        let is_shared = |span: &&Span| {
            span.trace_id == batch.trace_id
                && span.parent_id.as_ref() == Some(&batch.span_id)
                && span.get("db.query.summary").is_some()
        };
        let shared = recorded.spans.iter().filter(in_line).filter(is_shared);
        shared.map(move |span| {
            let mut bar = bar::of(span);
            if jobs != "1" {
                bar.title = format!("{} (batch of {jobs})", bar.title);
            }
            bar
        })
    })
}
