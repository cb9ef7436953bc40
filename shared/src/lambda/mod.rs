//! The life of a process: start, serve, shut down.

mod after_answer;
#[cfg(feature = "batches")]
mod batch;
mod cold_start;

use std::fmt::Debug;
use std::process::ExitCode;

use bytes::Bytes;
use futures_util::Stream;
use lambda_extension::Extension;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{Diagnostic, IntoFunctionResponse, LambdaEvent, Runtime, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::{BoxError, telemetry, trace};

pub use after_answer::after_answer;
#[cfg(feature = "batches")]
pub use batch::batch;
pub use cold_start::is_cold_start;

use after_answer::Invocations;

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

/// Answers invocations with `handler` for as long as the process lives: several at once, if the
/// platform hands them out. Does the work of [`after_answer`] after each answer, or before it if
/// `work_before_answer`.
///
/// # Errors
/// If the Lambda runtime can't go on.
pub async fn run<H, E, R, B, S, D, F>(work_before_answer: bool, handler: H) -> Result<(), BoxError>
where
    H: Service<LambdaEvent<E>, Response = R> + Clone + Send + 'static,
    H::Future: Future<Output = Result<R, H::Error>> + Send + 'static,
    H::Error: Into<Diagnostic> + Debug,
    E: DeserializeOwned + Send + 'static,
    R: IntoFunctionResponse<B, S> + Send + 'static,
    B: Serialize + Send + 'static,
    S: Stream<Item = Result<D, F>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send + 'static,
    F: Into<BoxError> + Send + Debug + 'static,
{
    let invocations = move |service| Invocations { service, work_before_answer };
    // Boxed, because it is as large as all that a handler awaits.
    Box::pin(Runtime::new(handler).layer(layer_fn(invocations)).run_concurrent()).await
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
