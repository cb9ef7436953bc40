//! A span that has not ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry_semantic_conventions::attribute::ERROR_TYPE;

use super::context::TraceContext;
use super::invocation::Invocation;
use super::record::{Kind, Record, Value, now};

/// A span, or nothing if it is not recorded. It ends with [`end`](Self::end), or when its last clone
/// is dropped.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Span(Option<Arc<Open>>);

#[derive(Debug)]
struct Open {
    invocation: Arc<Invocation>,
    context: TraceContext,
    record: Mutex<Record>,
}

impl Span {
    /// Starts a span below `parent`, or in a new trace.
    pub(super) fn start(
        invocation: &Arc<Invocation>,
        kind: Kind,
        name: &str,
        parent: Option<TraceContext>,
    ) -> Self {
        let context = TraceContext::new(parent);
        let record = Record {
            context,
            parent: parent.map(|parent| parent.span_id),
            name: name.to_owned(),
            kind,
            start: now(),
            ..Record::default()
        };
        let invocation = Arc::clone(invocation);
        Self(Some(Arc::new(Open { invocation, context, record: Mutex::new(record) })))
    }

    /// Starts a span below this one.
    pub(super) fn child(&self, kind: Kind, name: &str) -> Self {
        self.0.as_ref().map_or_else(Self::default, |open| {
            Self::start(&open.invocation, kind, name, Some(open.context))
        })
    }

    /// Whether it is recorded.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// The `traceparent` for what this span causes.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        self.context().map(|context| context.to_string())
    }

    /// Sets an attribute.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(mut record) = self.record() {
            record.attributes.push((key, value.into()));
        }
    }

    /// Marks the span as failed, with the kind of the failure: one of few texts.
    pub fn fail(&self, error_type: &str) {
        if let Some(mut record) = self.record() {
            record.has_failed = true;
            record.attributes.push((ERROR_TYPE, error_type.into()));
        }
    }

    /// Ends the span. Later calls do nothing.
    pub fn end(&self) {
        if let Some(mut record) = self.record() {
            record.end.get_or_insert_with(now);
        }
    }

    pub(super) fn rename(&self, name: String) {
        if let Some(mut record) = self.record() {
            record.name = name;
        }
    }

    /// Links this span to another.
    pub(super) fn link(&self, other: &Self) {
        if let Some((mut record, other)) = self.record().zip(other.context()) {
            record.links.push(other);
        }
    }

    fn context(&self) -> Option<TraceContext> {
        self.0.as_ref().map(|open| open.context)
    }

    fn record(&self) -> Option<MutexGuard<'_, Record>> {
        let open = self.0.as_ref()?;
        Some(open.record.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let record = self.record.get_mut().unwrap_or_else(PoisonError::into_inner);
        record.end.get_or_insert_with(now);
        self.invocation.keep(std::mem::take(record));
    }
}
