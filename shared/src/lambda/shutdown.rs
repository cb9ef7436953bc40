//! The end of a process.

use lambda_extension::Extension;
use tokio::signal::unix::{SignalKind, signal};

/// Awaits `close` and ends the process when the platform shuts the environment down. Must come before
/// the first request for an event, which ends the init phase.
///
/// AWS sends SIGTERM only to a function with an extension, so this registers one that gets no events.
/// An emulator without extensions answers 404; a plain SIGTERM still works there, where
/// `lambda_runtime::spawn_graceful_shutdown_handler` panics.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>
pub async fn on_shutdown(close: impl Future<Output = ()> + Send + 'static) {
    let extension = Extension::new().with_extension_name("waybill-shutdown").with_events(&[]);
    match extension.register().await {
        // Asks for an event, which ends the init phase of the extension, and never gets one.
        Ok(extension) => drop(tokio::spawn(extension.run())),
        Err(error) => tracing::debug!(error = %error, "no internal extension; no shutdown notice"),
    }
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
