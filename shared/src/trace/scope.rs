//! The current invocation and the current span, in a task-local variable.

use std::sync::Arc;

use futures_util::future::Either;

use super::context::TraceContext;
use super::invocation::Invocation;
use super::record::{Kind, Value};
use super::sampling::{is_on, rate};
use super::span::Span;

tokio::task_local! {
    static SCOPE: Scope;
}

#[derive(Clone, Default)]
struct Scope {
    /// None if the invocation is not recorded.
    invocation: Option<Arc<Invocation>>,
    span: Span,
}

/// Records the spans of `work`, an invocation, and writes them when it has ended. Does nothing more
/// than `work` if tracing is off.
pub(crate) async fn recorded<T>(work: impl Future<Output = T>) -> T {
    if !is_on() {
        return work.await;
    }
    let invocation = Arc::<Invocation>::default();
    let result = within(Some(Arc::clone(&invocation)), work).await;
    invocation.end();
    result
}

/// Runs `work` as an invocation.
pub(super) fn within<T>(
    invocation: Option<Arc<Invocation>>,
    work: impl Future<Output = T>,
) -> impl Future<Output = T> {
    SCOPE.scope(Scope { invocation, span: Span::default() }, work)
}

impl Span {
    /// Runs `work` with this span as the current one. Is `work` itself if tracing is off.
    pub fn scope<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        if !is_recorded() {
            return Either::Left(work);
        }
        Either::Right(SCOPE.scope(Scope { span: self.clone(), ..current() }, work))
    }
}

/// `work` for later, with the span that is current now.
pub(crate) fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    if is_recorded() { Either::Right(SCOPE.scope(current(), work)) } else { Either::Left(work) }
}

/// Whether the current invocation is recorded.
fn is_recorded() -> bool {
    SCOPE.try_with(|scope| scope.invocation.is_some()).unwrap_or(false)
}

/// Sets an attribute of the current span.
pub(super) fn set(key: &'static str, value: impl Into<Value>) {
    let _ = SCOPE.try_with(|scope| scope.span.set(key, value));
}

/// The current span.
pub(super) fn current_span() -> Span {
    SCOPE.try_with(|scope| scope.span.clone()).unwrap_or_default()
}

/// Starts a span below the current one.
pub(super) fn child(kind: Kind, name: &str) -> Span {
    SCOPE.try_with(|scope| scope.span.child(kind, name)).unwrap_or_default()
}

/// Starts a span below `parent`, or in a new trace: if the parent was recorded, or chosen at random
/// without a parent.
pub(super) fn remote(kind: Kind, name: &str, parent: Option<TraceContext>) -> Span {
    start(kind, name, parent, |invocation| {
        let is_chosen = rate().follows(parent);
        if is_chosen {
            invocation.want();
        }
        is_chosen
    })
}

/// Starts a span in a new trace, which is only written if something in the invocation is wanted, or
/// if chosen at random.
pub(super) fn root(kind: Kind, name: &str) -> Span {
    start(kind, name, None, |invocation| {
        if rate().chooses() {
            invocation.want();
        }
        true
    })
}

fn start(
    kind: Kind,
    name: &str,
    parent: Option<TraceContext>,
    is_recorded: impl FnOnce(&Invocation) -> bool,
) -> Span {
    let start = |scope: &Scope| {
        let invocation = scope.invocation.as_ref().filter(|invocation| is_recorded(invocation))?;
        Some(Span::start(invocation, kind, name, parent))
    };
    SCOPE.try_with(start).ok().flatten().unwrap_or_default()
}

fn current() -> Scope {
    SCOPE.try_with(Scope::clone).unwrap_or_default()
}
