//! The context of a use case.

use crate::domain::{Caller, CorrelationId};

/// The caller and the request that a use case serves.
#[derive(Clone, Debug)]
pub struct Context {
    /// The caller, with its scopes.
    pub caller: Caller,
    /// Identifies the request in logs, jobs and events.
    pub correlation_id: CorrelationId,
    /// The W3C trace context of the request, if it has one.
    pub traceparent: Option<String>,
}
