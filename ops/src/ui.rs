//! The runner's output. Nothing else writes to standard output.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::error::Error;

/// Prints a line. A closed pipe (`make logs | head`) is not an error.
pub fn line(text: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush());
}

/// Prints what happens now, with the seconds since the runner started.
pub fn step(text: impl AsRef<str>) {
    line(format!("[{:6.1} s] {}", elapsed().as_secs_f64(), text.as_ref()));
}

/// Prints an error and its causes to standard error.
pub fn failure(error: &Error) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {error}");
    if let Some(causes) = error.causes() {
        let _ = writeln!(err, "  because: {causes}");
    }
}

/// The time since the first call, which the runner makes at its start.
pub fn elapsed() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
