//! The spans of one invocation, and the line that they are written as.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::otlp;
use super::record::Record;

/// The most spans of a line: about 100 kB. `CloudWatch` cuts lines of more than 256 kB.
const MOST: usize = 200;

/// Collects the spans of an invocation. They are written if one of them is wanted: a batch is not
/// sampled by itself, and is worth its lines if one of its jobs is.
#[derive(Debug, Default)]
pub(super) struct Invocation {
    is_wanted: AtomicBool,
    ended: Mutex<Vec<Record>>,
}

impl Invocation {
    /// From now on, the spans are worth writing.
    pub(super) fn want(&self) {
        self.is_wanted.store(true, Ordering::Relaxed);
    }

    /// Keeps a span that has ended.
    pub(super) fn keep(&self, record: Record) {
        let mut ended = self.ended();
        ended.push(record);
        if ended.len() >= MOST {
            self.write(&ended);
            ended.clear();
        }
    }

    /// Writes the spans that are left.
    pub(super) fn end(&self) {
        self.write(&self.ended());
    }

    fn write(&self, records: &[Record]) {
        if records.is_empty() || !self.is_wanted.load(Ordering::Relaxed) {
            return;
        }
        // If standard output fails, there is no place to report it.
        if let Ok(line) = otlp::line(records) {
            let _ = std::io::stdout().lock().write_all(&line);
        }
    }

    fn ended(&self) -> MutexGuard<'_, Vec<Record>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spans that have ended.
    #[cfg(test)]
    pub(super) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut *self.ended())
    }

    #[cfg(test)]
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }
}
