//! The stand-in for Aurora DSQL: a Postgres 16 at REPEATABLE READ, behind a proxy that refuses what
//! DSQL refuses (`localstack/dsql_proxy.py`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::process::Daemon;

use crate::database::Database;
use crate::postgres::{Postgres, Release};

/// The role that the proxy connects as. It owns the database, as `admin` does on DSQL, and is no
/// superuser: anyone on this machine can be it.
pub const ROLE: &str = "postgres";

/// DSQL has snapshot isolation and no other.
const SETTINGS: &[&str] = &["default_transaction_isolation=repeatable read"];

/// One stand-in, running or not.
#[derive(Debug)]
pub struct StandIn {
    dir: PathBuf,
    postgres: Postgres,
    proxy: Daemon,
}

/// What a stand-in runs from.
#[derive(Debug, Clone, Copy)]
pub struct Programs<'a> {
    /// The Python environment of the tools.
    pub tools: &'a Path,
    /// The folder of `dsql_proxy.py`.
    pub scripts: &'a Path,
}

impl StandIn {
    /// The stand-in that keeps its files in `dir`.
    #[must_use]
    pub fn in_dir(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            postgres: Postgres::in_dir(dir).with(Release::Sixteen, SETTINGS, ROLE),
            proxy: Daemon::new("dsql-proxy", dir, "-m dsql_proxy"),
        }
    }

    /// The Postgres behind the proxy.
    #[must_use]
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// The port of the proxy, if it and the Postgres behind it are running.
    #[must_use]
    pub fn running_on(&self) -> Option<u16> {
        self.proxy.running_on().filter(|_| self.postgres.running_on().is_some())
    }

    /// Whether a part of it is running.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.proxy.running_on().is_some() || self.postgres.running_on().is_some()
    }

    /// Starts what is not running: the proxy on `port`, Postgres on `behind`. Waits until they answer.
    /// `durable` data survives a power cut and is slower.
    ///
    /// # Errors
    /// If one can't run here, or does not answer in time.
    pub async fn start(
        &self,
        programs: Programs<'_>,
        port: u16,
        behind: u16,
        durable: bool,
    ) -> Result<()> {
        // Readable by others with any umask: Postgres may have to run as another user.
        fs::create_dir_all(&self.dir)
            .context(|| format!("Failed to create {}.", self.dir.display()))?;
        if self.postgres.running_on() != Some(behind) {
            self.postgres.start(programs.tools, behind, durable).await?;
        }
        if self.proxy.running_on() == Some(port) {
            return Ok(());
        }
        let mut command = Command::new(programs.tools.join("bin/python"));
        command
            .args(["-m", "dsql_proxy"])
            .args([port, behind].map(|port| port.to_string()))
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", programs.scripts);
        let database = Database::new(self.url(port)?);
        let patience = Duration::from_secs(30);
        self.proxy.start(&mut command, port, patience, || database.answers()).await
    }

    /// Stops both. Does nothing if they are not running.
    ///
    /// # Errors
    /// If one is still running then.
    pub fn stop(&self) -> Result<()> {
        self.proxy.stop(Signal::TERM)?;
        self.postgres.stop()
    }

    /// The URL of the database through the proxy, which takes any password.
    ///
    /// # Errors
    /// If it was never started.
    pub fn url(&self, port: u16) -> Result<String> {
        self.postgres.url(port)
    }

    /// The URL of the same database on the Postgres behind the proxy, as a superuser: for what DSQL
    /// would refuse.
    ///
    /// # Errors
    /// If it is not running.
    pub fn url_behind(&self) -> Result<String> {
        let port = self.postgres.running_on();
        let port =
            port.ok_or_else(|| Error::new("The Postgres behind the stand-in is not running."))?;
        self.postgres.url(port)
    }
}
