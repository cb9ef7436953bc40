//! The life of a process: start, serve, shut down.

mod after_answer;
#[cfg(feature = "batches")]
mod batch;
mod run;
mod shutdown;

use std::process::ExitCode;

use tokio::runtime::Builder;

use crate::config::Config;
use crate::{BoxError, telemetry, trace};

pub use after_answer::after_answer;
#[cfg(feature = "batches")]
pub use batch::batch;
pub use run::{is_cold_start, runtime};
pub use shutdown::on_shutdown;

/// Runs `main` as the function `function`, with logging and configuration. It runs on one thread, or
/// on several if the process handles several invocations at once. An error is logged, and the process
/// exits with 1.
pub fn start(
    function: &'static str,
    main: impl AsyncFnOnce(Config) -> Result<(), BoxError>,
) -> ExitCode {
    let config = Config::from_env();
    let level = config.log_level();
    if telemetry::init(function, *level.as_ref().unwrap_or(&tracing::Level::INFO)).is_err() {
        return ExitCode::FAILURE;
    }
    let run = || -> Result<(), BoxError> {
        level?;
        config.check_platform()?;
        trace::start(config.trace_rate()?);
        let mut builder = match config.concurrency() {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        builder.enable_all().build()?.block_on(main(config))
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = crate::error::chain(&*error), "function failed to start");
            ExitCode::FAILURE
        }
    }
}

/// Keeps `value` for as long as the process lives. Handlers run in tasks, which can't borrow from
/// `main`.
pub fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
