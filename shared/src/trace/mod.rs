//! Traces: the spans of an invocation as one line of OTLP JSON on standard output.
//!
//! An invocation is recorded, and its spans are written when it has ended, work after the answer
//! included. Nothing is left to flush when the environment freezes. Decision 20 says why.
//!
//! The current span is in a task-local variable, like the [deadline](crate::deadline). If tracing is
//! off, or an invocation is not sampled, a [`Span`] holds nothing.

mod context;
mod invocation;
mod otlp;
mod record;
mod sampling;
mod scope;
mod span;
mod spans;

pub use context::TraceContext;
pub use record::{Kind, Value};
pub use sampling::Rate;
pub use span::Span;
pub use spans::{
    Received, about_order, aws_call, batch, call, dynamodb, problem, process, relay_event,
    relay_job, replayed, request, scheduled, send, statement, step,
};

pub(crate) use sampling::start;
pub(crate) use scope::{carried, recorded};
