//! The web console beside the stack of `make up`.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpStream;
use waybill_ops::bootstraps::{self, Profile};
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::Result;
use waybill_ops::process::Daemon;
use waybill_ops::ui;

use crate::config::Config;
use crate::ports::require_free;

/// The variable of `stack.env` with its address and its token.
pub(crate) const VARIABLE: &str = "CONSOLE_URL";

/// The console of one stack, running or not.
#[derive(Debug)]
pub(crate) struct Console {
    daemon: Daemon,
}

impl Console {
    /// The console with its files in `dir`.
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self { daemon: Daemon::new("console", dir, "waybill-console") }
    }

    /// Its port, if it is running.
    pub(crate) fn running_on(&self) -> Option<u16> {
        self.daemon.running_on()
    }

    /// Starts it again: it may have changed, and is compiled with the functions. It reads `stack.env`.
    ///
    /// # Errors
    /// If it does not start, or its port is in use.
    pub(crate) async fn start(&self, config: &Config) -> Result<()> {
        self.stop()?;
        let port = require_free(config.console_port, "the console", "WAYBILL_CONSOLE_PORT")?;
        ui::step(format!("Starting the console on 127.0.0.1:{port}"));
        let program = bootstraps::compiled(&config.common, Profile::Dev, "waybill-console");
        let mut command = std::process::Command::new(program);
        command.current_dir(&config.common.root).env_clear();
        let answers = || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        self.daemon.start(&mut command, port, Duration::from_secs(10), answers).await
    }

    /// Stops it. Does nothing if it is not running.
    ///
    /// # Errors
    /// If it is still running then.
    pub(crate) fn stop(&self) -> Result<()> {
        self.daemon.stop(Signal::TERM)
    }
}

/// The address of the console. Its token stays the same while the stack runs, so that open pages stay
/// signed in.
pub(crate) fn url(config: &Config, known: Option<&EnvFile>) -> String {
    let start = format!("http://127.0.0.1:{}/?token=", config.console_port);
    let known = known.and_then(|env| env.get(VARIABLE).ok());
    match known.filter(|url| url.starts_with(&start)) {
        Some(url) => url.to_owned(),
        None => format!("{start}{}", uuid::Uuid::new_v4().simple()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::empty;

    #[test]
    fn the_token_stays_until_the_port_changes() {
        let mut config = empty();
        let first = url(&config, None);
        let env = EnvFile([(VARIABLE.to_owned(), first.clone())].into());
        assert_eq!(url(&config, Some(&env)), first);
        assert_ne!(url(&config, None), first);
        config.console_port += 1;
        assert_ne!(url(&config, Some(&env)), first);
    }
}
