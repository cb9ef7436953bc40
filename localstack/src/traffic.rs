//! The traffic generator of `make up`: a process in the background, with a control API on loopback.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::Result;
use waybill_ops::process::{self, Daemon};

use crate::config::Config;
use crate::ports;

/// The modes, as `traffic/src/mode.rs` has them.
pub(crate) const MODES: [&str; 5] = ["steady", "burst", "overload", "flash-sale", "pause"];

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

    /// Compiles and starts it, in `mode`, on the stack that `env` describes. Returns the URL of its
    /// control API.
    ///
    /// # Errors
    /// If it does not compile or does not answer.
    pub(crate) async fn start(&self, config: &Config, env: &EnvFile, mode: &str) -> Result<String> {
        self.stop()?;
        let root = &config.common.root;
        let mut compile = tokio::process::Command::new("cargo");
        compile.args(["build", "--quiet", "--bin", NAME, "--target-dir", "target"]);
        process::run_loudly("Building the traffic generator", compile.current_dir(root)).await?;
        let port = ports::free_port()?;
        let url = url(port);
        let mut command = Command::new(root.join("target/debug").join(NAME));
        command
            .args(["serve", "--mode", mode, "--port", &port.to_string()])
            .current_dir(root)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modes_are_those_of_the_generator() {
        let source = include_str!("../../traffic/src/mode.rs");
        let names = source.lines().filter(|line| line.contains("=> \""));
        let names: Vec<&str> = names.filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(names, MODES);
    }
}
