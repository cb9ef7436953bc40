//! One invocation of a function.

use std::time::SystemTime;

/// An event, and what the platform says of its invocation.
#[derive(Debug, Clone)]
pub struct Invocation<E> {
    /// What the function is invoked with.
    pub event: E,
    /// The id of the invocation.
    pub request_id: String,
    /// When the platform ends it. See [`of_invocation`](crate::deadline::of_invocation).
    pub end: SystemTime,
}

impl<E> Invocation<E> {
    /// An invocation with no id and no known end, for tests.
    #[must_use]
    pub fn of(event: E) -> Self {
        Self { event, request_id: String::new(), end: SystemTime::UNIX_EPOCH }
    }
}
