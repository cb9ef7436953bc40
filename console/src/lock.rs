//! Locks whose contents are valid even if a holder has panicked.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whatever happened to the holder before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
