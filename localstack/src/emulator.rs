//! The emulator: MiniStack, one process and the functions that it starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use faults::settings::Ports;
use rustix::process::Signal;
use serde_json::Value;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::process::Daemon;
use waybill_ops::tools::Tools;

use crate::config::Config;

/// One emulator, running or not.
#[derive(Debug)]
pub(crate) struct Emulator {
    dir: PathBuf,
    daemon: Daemon,
}

impl Emulator {
    /// The emulator with its files in `dir`.
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf(), daemon: Daemon::new("emulator", dir, "-m ministack") }
    }

    /// Its port, if it is running.
    pub(crate) fn running_on(&self) -> Option<u16> {
        self.daemon.running_on()
    }

    /// Starts it and waits until it answers. Its functions call AWS through these proxies, if there are
    /// any; its own poller and its deliveries don't.
    ///
    /// # Errors
    /// If it does not answer, with the end of its log.
    pub(crate) async fn start(
        &self,
        config: &Config,
        tools: &Tools,
        port: u16,
        proxies: Option<Ports>,
    ) -> Result<()> {
        let scratch = self.dir.join("tmp");
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch)
            .context(|| format!("Failed to create {}.", scratch.display()))?;
        let mut command = Command::new(tools.python());
        command
            .args(["-m", "ministack_logs"])
            // The functions inherit this environment, so the caller's is not passed on.
            .env_clear()
            .env("PATH", &config.common.path)
            .envs(config.home.as_ref().map(|home| ("HOME", home)))
            .env("TMPDIR", &scratch)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", config.common.root.join("localstack"))
            .env("GATEWAY_PORT", port.to_string())
            // Without these it listens on every interface, and on a port for MQTT as well.
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            // Its name in queue URLs, and its endpoint for the functions.
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("MINISTACK_REGION", &config.common.region)
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("AWS_DEFAULT_REGION", &config.common.region)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("LAMBDA_EXECUTOR", "local")
            // It sets AWS_ENDPOINT_URL of the functions itself, and passes these on.
            .envs(proxies.into_iter().flat_map(endpoints));
        let health = format!("http://127.0.0.1:{port}/_ministack/health");
        self.daemon
            .start(&mut command, port, Duration::from_secs(30), || async {
                reqwest::get(&health).await.is_ok_and(|answer| answer.status().is_success())
            })
            .await
    }

    /// Stops it and its functions. Does nothing if it is not running.
    pub(crate) fn stop(&self) -> Result<()> {
        self.daemon.stop(Signal::TERM)?;
        let _ = fs::remove_dir_all(self.dir.join("tmp"));
        Ok(())
    }
}

/// The variables that lead the functions to the proxies.
fn endpoints(proxies: Ports) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL_SQS", proxies.sqs),
        ("AWS_ENDPOINT_URL_DYNAMODB", proxies.dynamodb),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", proxies.eventbridge),
        ("AWS_ENDPOINT_URL_SESV2", proxies.ses),
    ]
    .map(|(variable, port)| (variable, format!("http://127.0.0.1:{port}")))
}

/// Whether the emulator at this endpoint is MiniStack.
pub(crate) async fn is_ministack(endpoint: &str) -> bool {
    let answer = reqwest::get(format!("{endpoint}/_ministack/health")).await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Fails if the emulator is a LocalStack without API Gateway v2, such as the free images.
///
/// # Errors
/// If API Gateway v2 is missing.
pub(crate) async fn require_http_apis(endpoint: &str) -> Result<()> {
    if is_ministack(endpoint).await {
        return Ok(());
    }
    let answer = reqwest::get(format!("{endpoint}/_localstack/health")).await;
    let Ok(answer) = answer.and_then(reqwest::Response::error_for_status) else { return Ok(()) };
    let health: Value = answer.json().await.unwrap_or_default();
    if health.get("services").is_none_or(|services| services.get("apigatewayv2").is_some()) {
        return Ok(());
    }
    Err(Error::new(
        "The emulator in AWS_ENDPOINT_URL has no API Gateway v2 (LocalStack's free images lack it), \
         so the template can't be deployed to it. `make watch` works with it.",
    ))
}

/// The URL of an HTTP API without DNS, as on LocalStack. `url` is its URL on AWS, which begins with the
/// id of the API.
pub(crate) fn api_url(endpoint: &str, url: &str) -> String {
    let host = url.trim_start_matches("https://");
    let api_id = host.split('.').next().unwrap_or(host);
    format!("{endpoint}/_aws/execute-api/{api_id}/$default")
}
