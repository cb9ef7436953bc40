//! The traffic generator of `make up`: a process in the background, with a control API on loopback.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use waybill_ops::bootstraps::{self, Profile};
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::Result;
use waybill_ops::process::Daemon;

use crate::config::Config;
use crate::ports;

/// The package and its binary.
const NAME: &str = "waybill-traffic";

/// One traffic generator, running or not.
#[derive(Debug)]
pub(crate) struct Traffic {
    daemon: Daemon,
}

impl Traffic {
    /// The traffic generator with its files in `dir`.
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self { daemon: Daemon::new("traffic", dir, format!("{NAME} serve")) }
    }

    /// The URL of its control API, if it is running.
    pub(crate) fn running_at(&self) -> Option<String> {
        self.daemon.running_on().map(url)
    }

    /// Starts it, in `mode`, on the stack that `env` describes. It is compiled with the functions.
    /// Returns the URL of its control API.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) async fn start(&self, config: &Config, env: &EnvFile, mode: &str) -> Result<String> {
        self.stop()?;
        let port = ports::free_port()?;
        let url = url(port);
        let mut command = Command::new(bootstraps::compiled(&config.common, Profile::Dev, NAME));
        command
            .args(["serve", "--mode", mode, "--port", &port.to_string()])
            .current_dir(&config.common.root)
            .envs(&env.0);
        let answers = || async {
            reqwest::get(format!("{url}/traffic")).await.is_ok_and(|it| it.status().is_success())
        };
        self.daemon.start(&mut command, port, Duration::from_secs(10), answers).await?;
        Ok(url)
    }

    /// Stops it. Does nothing if it is not running.
    pub(crate) fn stop(&self) -> Result<()> {
        self.daemon.stop(Signal::TERM)
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
