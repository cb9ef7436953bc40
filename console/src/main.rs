//! `waybill-console`: serves the console of the stack of `make up`, which starts it.

use std::process::ExitCode;

use console::{Console, serve};
use waybill_ops::config::Config;
use waybill_ops::error::{Context as _, Result};
use waybill_ops::ui;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::failure(&error);
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is stopped.
async fn run() -> Result<()> {
    let console = Console::of_make_up(&Config::from_environment()?).await?;
    let address = console.socket();
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .context(|| format!("Failed to listen on {address}. Is another console running?"))?;
    ui::line(format!("The console listens on {address}."));
    serve(listener, console).await
}
