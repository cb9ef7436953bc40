//! Statements of a migration that are sent again after a conflict.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio_postgres::Error;

use crate::postgres::error::{Fault, fault};

/// How often a statement is sent again: with the waits of [`retried`], for about five seconds.
const ATTEMPTS: usize = 10;

/// Sends a statement again while it conflicts with another transaction. A distributed engine also
/// reports a conflict when another session has changed the schema.
pub(super) async fn retried<T, F>(statement: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(ATTEMPTS)
        .with_jitter();
    statement.retry(backoff).when(is_conflict).await
}

pub(super) fn is_conflict(error: &Error) -> bool {
    fault(error) == Fault::Conflict
}
