//! The life of a process: start, serve, shut down.

mod after_answer;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use lambda_extension::Extension;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, ConfigError};
use crate::{BoxError, telemetry};

pub use after_answer::{AfterAnswer, Invocation};

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

/// Awaits `close` and ends the process when the platform shuts the environment down.
///
/// AWS sends SIGTERM only to a function with an extension, so this registers one without events. On
/// an emulator without extensions, a plain SIGTERM still works. The runtime's own helper panics there.
pub async fn on_shutdown(close: impl Future<Output = ()> + Send + 'static) {
    // Must come before the first request for an event, which ends the init phase.
    match Extension::new().with_events(&[]).with_extension_name("waybill-shutdown").register().await
    {
        Ok(extension) => drop(tokio::spawn(extension.run())),
        Err(error) => tracing::debug!(error = %error, "no internal extension; no shutdown notice"),
    }
    close_on_sigterm(close);
}

/// The same for a function with work after its answers. Returns the way to do it.
///
/// # Errors
/// If `WORK_BEFORE_ANSWER` is invalid.
pub async fn on_shutdown_with_work(
    config: &Config,
    close: impl Future<Output = ()> + Send + 'static,
) -> Result<AfterAnswer, ConfigError> {
    if config.work_before_answer()? {
        on_shutdown(close).await;
        return Ok(AfterAnswer::before());
    }
    if config.concurrency() > 1 {
        on_shutdown(close).await;
        return Ok(AfterAnswer::never_frozen());
    }
    let after_answer = AfterAnswer::register().await;
    close_on_sigterm(close);
    Ok(after_answer)
}

/// Keeps `value` for as long as the process lives. Handlers run in tasks, which can't borrow from
/// `main`.
pub fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn close_on_sigterm(close: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => _ = terminate.recv().await,
            Err(error) => {
                return tracing::warn!(error = %error, "failed to listen for SIGTERM");
            }
        }
        close.await;
        tracing::debug!("connections closed");
        std::process::exit(0);
    });
}

/// Whether this is the first invocation of the process.
pub fn is_cold_start() -> bool {
    static COLD: AtomicBool = AtomicBool::new(true);
    COLD.swap(false, Ordering::Relaxed)
}
