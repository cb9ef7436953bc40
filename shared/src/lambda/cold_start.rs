//! The first invocation of a process.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this is the first invocation of the process.
pub fn is_cold_start() -> bool {
    static COLD: AtomicBool = AtomicBool::new(true);
    COLD.swap(false, Ordering::Relaxed)
}
