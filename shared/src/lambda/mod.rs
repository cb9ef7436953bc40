//! The life of a function's process: start, serve, and close when the platform says so.

mod after_answer;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use lambda_extension::Extension;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, ConfigError};
use crate::{BoxError, telemetry};

pub use after_answer::{AfterAnswer, Invocation};

/// Runs `main` as the function `function`: with logging on, with the configuration read, on one
/// thread, or on several if it handles several invocations at once. What it fails with is logged, and
/// the process ends with 1.
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

/// Awaits `close` and ends the process, once the platform announces that this environment is going.
///
/// AWS sends SIGTERM only to a function that has an extension, so one is registered that subscribes
/// to nothing. An emulator may not know of extensions; then a plain SIGTERM is still listened for.
/// The runtime's own helper for this panics there.
pub async fn on_shutdown(close: impl Future<Output = ()> + Send + 'static) {
    // Must be registered before the first invocation is asked for, which ends the init phase.
    match Extension::new().with_events(&[]).with_extension_name("waybill-shutdown").register().await
    {
        Ok(extension) => drop(tokio::spawn(extension.run())),
        Err(error) => tracing::debug!(error = %error, "no internal extension; no shutdown notice"),
    }
    close_on_sigterm(close);
}

/// The same for a function that has work to do after its answers, and a way to do it.
///
/// # Errors
/// If the variable by which all work is done before the answer holds nonsense.
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

/// Keeps `value` for as long as the process lives, for handlers that the runtime starts whenever it
/// likes.
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
