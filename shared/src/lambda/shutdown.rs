//! The end of a process.
//!
//! AWS sends SIGTERM only to a function with an extension, so one is registered that gets no events.
//! An emulator without extensions answers 404; a plain SIGTERM still works there.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use tokio::signal::unix::{SignalKind, signal};

use super::connection::Connection;
use crate::BoxError;
use crate::config::Config;

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";
const NAME: (&str, &str) = ("lambda-extension-name", "waybill-shutdown");
const IDENTIFIER: &str = "lambda-extension-identifier";

/// Awaits `close` and ends the process when the platform shuts the environment down. Must come before
/// the first request for an event, which ends the init phase.
///
/// # Errors
/// If the address of the platform is not set.
pub async fn on_shutdown(
    config: &Config,
    close: impl Future<Output = ()> + Send + 'static,
) -> Result<(), BoxError> {
    if let Err(error) = register(Connection::new(&config.runtime_api()?)).await {
        tracing::debug!(error = %error, "no internal extension; no shutdown notice");
    }
    close_on_sigterm(close);
    Ok(())
}

/// Registers an extension without events. It asks for one, which ends its init phase, and never gets it.
async fn register(mut platform: Connection) -> Result<(), BoxError> {
    let answer = platform.send("POST", REGISTER, &[NAME], br#"{"events":[]}"#).await?;
    let identifier = answer.headers.get(IDENTIFIER).ok_or_else(|| answer.status.to_string())?;
    let identifier = identifier.to_str()?.to_owned();
    tokio::spawn(async move {
        let asked = platform.send("GET", NEXT, &[(IDENTIFIER, &identifier)], b"").await;
        tracing::debug!(status = asked.map_or(0, |answer| answer.status), "the extension ended");
    });
    Ok(())
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
