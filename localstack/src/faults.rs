//! `waybill-faults` under `make up` and `make test`: the proxies between the functions and what they
//! depend on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use faults::settings::{Ports, Settings};
use reqwest::Url;
use rustix::process::Signal;
use tokio::process::Command;
use waybill_ops::bootstraps::{self, Profile};
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::process::{self, Daemon};
use waybill_ops::remote::STACK_NAME;
use waybill_ops::ui;

use crate::config::Config;
use crate::ports;

/// The proxies of one stack, running or not.
#[derive(Debug)]
pub(crate) struct Faults {
    dir: PathBuf,
    /// The file of its settings. It stays, so that the ports stay the same.
    path: PathBuf,
    daemon: Daemon,
}

impl Faults {
    /// The proxies with their files in `dir`.
    pub(crate) fn in_dir(dir: &Path) -> Self {
        let path = dir.join("faults.json");
        let daemon = Daemon::new("faults", dir, format!("waybill-faults {}", path.display()));
        Self { dir: dir.to_path_buf(), path, daemon }
    }

    /// The port of the control API, if it is running.
    pub(crate) fn running_on(&self) -> Option<u16> {
        self.daemon.running_on()
    }

    /// The ports of the proxies when they were last started.
    pub(crate) fn ports(&self) -> Option<Ports> {
        Settings::read(&self.path).ok().map(|settings| settings.ports)
    }

    /// Its settings in front of this database and our own emulator on the port `emulator`, controlled on
    /// the port `control`. The ports of the proxies are those of the last start, unless another program
    /// has taken one.
    ///
    /// # Errors
    /// If the database has no single server, or no port is free.
    pub(crate) fn settings(
        &self,
        config: &Config,
        database_url: &str,
        control: u16,
        emulator: u16,
    ) -> Result<Settings> {
        let usable = |ports: &Ports| self.running_on().is_some() || are_free(*ports);
        Ok(Settings {
            control_port: control,
            ports: self.ports().filter(usable).map_or_else(choose_ports, Ok)?,
            postgres: server_of(database_url)?,
            aws: format!("http://127.0.0.1:{emulator}"),
            binaries: self.dir.join("tmp"),
            stack: STACK_NAME.to_owned(),
            functions: bootstraps::functions(&config.common)?,
        })
    }

    /// Starts it, unless it is running with these settings. Returns whether it did.
    ///
    /// # Errors
    /// If it does not compile or start, or its port is in use.
    pub(crate) async fn start(&self, config: &Config, settings: &Settings) -> Result<bool> {
        build(config).await?;
        let known = Settings::read(&self.path).ok();
        if self.running_on().is_some() && known.as_ref() == Some(settings) {
            return Ok(false);
        }
        self.stop()?;
        let port = ports::require_free(settings.control_port, "faults", "WAYBILL_FAULTS_PORT")?;
        ui::step(format!("Starting the proxies of faults, controlled on 127.0.0.1:{port}"));
        settings
            .write(&self.path)
            .context(|| format!("Failed to write {}.", self.path.display()))?;
        let mut command = std::process::Command::new(bootstraps::compiled(
            &config.common,
            Profile::Dev,
            "waybill-faults",
        ));
        command.arg(&self.path).env_clear();
        let url = format!("{}/faults", url(settings));
        self.daemon
            .start(&mut command, port, Duration::from_secs(10), || async {
                reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success())
            })
            .await?;
        Ok(true)
    }

    /// Stops it. Does nothing if it is not running.
    ///
    /// # Errors
    /// If it is still running then.
    pub(crate) fn stop(&self) -> Result<()> {
        self.daemon.stop(Signal::TERM)
    }
}

/// The URL of the control API.
pub(crate) fn url(settings: &Settings) -> String {
    format!("http://127.0.0.1:{}", settings.control_port)
}

/// The URL of the database through the proxy.
///
/// # Errors
/// If it is not a URL with one server.
pub(crate) fn proxied(database_url: &str, ports: Ports) -> Result<String> {
    let mut url = parse(database_url)?;
    url.set_host(Some("127.0.0.1"))
        .ok()
        .and_then(|()| url.set_port(Some(ports.postgres)).ok())
        .ok_or_else(no_single_server)?;
    Ok(url.into())
}

/// `host:port` of the database.
fn server_of(database_url: &str) -> Result<String> {
    let url = parse(database_url)?;
    let host = url.host_str().filter(|host| !host.contains(','));
    let host = host.ok_or_else(no_single_server)?;
    Ok(format!("{host}:{}", url.port().unwrap_or(5432)))
}

fn parse(database_url: &str) -> Result<Url> {
    database_url.parse().map_err(|_| no_single_server())
}

fn no_single_server() -> Error {
    Error::new(
        "DATABASE_URL must name one server, for the proxy in front of it: \
         postgres://user:password@host:port/database?sslmode=disable.",
    )
}

/// Compiles it with the features of the runner and the functions, so that no crate compiles twice. It
/// starts before these are compiled.
async fn build(config: &Config) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--bin", "waybill-faults", "--target-dir", "target"]);
    process::run_loudly("Building waybill-faults", command.current_dir(&config.common.root)).await
}

fn choose_ports() -> Result<Ports> {
    let [postgres, sqs, dynamodb, eventbridge, ses] = ports::lasting_ports()?;
    Ok(Ports { postgres, sqs, dynamodb, eventbridge, ses })
}

fn are_free(ports: Ports) -> bool {
    let Ports { postgres, sqs, dynamodb, eventbridge, ses } = ports;
    [postgres, sqs, dynamodb, eventbridge, ses].into_iter().all(ports::is_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports =
        Ports { postgres: 20_001, sqs: 20_002, dynamodb: 20_003, eventbridge: 20_004, ses: 20_005 };

    #[test]
    fn functions_get_the_same_database_at_the_address_of_the_proxy() {
        for (given, server, expected) in [
            (
                "postgres://a:x%2Fy@db.example:6543/w?sslmode=disable&options=-c%20a%3Db",
                "db.example:6543",
                "postgres://a:x%2Fy@127.0.0.1:20001/w?sslmode=disable&options=-c%20a%3Db",
            ),
            (
                "postgresql://a@[::1]/w?sslmode=disable",
                "[::1]:5432",
                "postgresql://a@127.0.0.1:20001/w?sslmode=disable",
            ),
        ] {
            assert_eq!(server_of(given).unwrap(), server);
            assert_eq!(proxied(given, PORTS).unwrap(), expected);
        }
    }

    #[test]
    fn several_servers_are_refused() {
        for url in ["postgres://a@b,c/w", "postgres://a@b:1,c:2/w", "postgres:///w?host=/tmp"] {
            let error = server_of(url).unwrap_err().to_string();
            assert!(error.contains("one server"), "{error}");
        }
    }
}
