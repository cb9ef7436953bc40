//! The emulator: MiniStack, one process and the functions it starts. Nothing outside this file and
//! `routes.rs` knows which emulator it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use waybill_ops::error::{Context as _, Result};
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
    /// The emulator that keeps its files in `dir`.
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf(), daemon: Daemon::new("emulator", dir, "-m ministack") }
    }

    /// The port it runs on, if it runs.
    pub(crate) fn running_on(&self) -> Option<u16> {
        self.daemon.running_on()
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// With the end of its log, if it does not.
    pub(crate) async fn start(&self, config: &Config, tools: &Tools, port: u16) -> Result<()> {
        let scratch = self.dir.join("tmp");
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch).context(|| format!("Cannot make {}.", scratch.display()))?;
        let mut command = Command::new(tools.python());
        command
            .args(["-m", "ministack"])
            // The functions inherit this environment, so it holds nothing of the caller's.
            .env_clear()
            .env("PATH", &config.common.path)
            .envs(config.home.as_ref().map(|home| ("HOME", home)))
            .env("TMPDIR", &scratch)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("GATEWAY_PORT", port.to_string())
            // Without these it listens on every interface, and on a port for MQTT as well.
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            // What it calls itself, in queue URLs for one, and where the functions find it.
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("MINISTACK_REGION", &config.common.region)
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("AWS_DEFAULT_REGION", &config.common.region)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("LAMBDA_EXECUTOR", "local");
        let health = format!("http://127.0.0.1:{port}/_ministack/health");
        self.daemon
            .start(&mut command, port, Duration::from_secs(30), || async {
                reqwest::get(&health).await.is_ok_and(|answer| answer.status().is_success())
            })
            .await
    }

    /// Stops it with every function that it started; does nothing if it does not run.
    pub(crate) fn stop(&self) -> Result<()> {
        self.daemon.stop(Signal::TERM)?;
        let _ = fs::remove_dir_all(self.dir.join("tmp"));
        Ok(())
    }
}

/// Where the stage `$default` of an HTTP API answers without DNS, as LocalStack has it too.
pub(crate) fn api_url(endpoint: &str, api_id: &str) -> String {
    format!("{endpoint}/_aws/execute-api/{api_id}/$default")
}
