//! The database of a stack: a Postgres, or the stand-in for Aurora DSQL. Each keeps its own data, and one
//! of them runs at a time.

use std::path::Path;

use waybill_ops::error::Result;
use waybill_ops::tools::Tools;
use waybill_ops::ui;

use crate::config::{Config, Engine};
use crate::ports::{free_port, lasting_ports, require_free};
use crate::postgres::Postgres;
use crate::standin::{Programs, StandIn};

/// The databases of one stack, running or not.
#[derive(Debug)]
pub(crate) struct Databases {
    engine: Engine,
    postgres: Postgres,
    stand_in: StandIn,
}

/// How to reach a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Urls {
    /// As the service reaches it.
    pub(crate) service: String,
    /// For what Aurora DSQL would refuse, such as the seed: the Postgres behind the stand-in, or the same.
    pub(crate) direct: String,
}

impl Urls {
    /// A Postgres, which refuses nothing.
    pub(crate) fn of_postgres(url: String) -> Self {
        Self { direct: url.clone(), service: url }
    }
}

impl Databases {
    /// The databases with their files in `dir`. This run uses the one of `engine`.
    pub(crate) fn in_dir(dir: &Path, engine: Engine) -> Self {
        Self {
            engine,
            postgres: Postgres::in_dir(dir),
            stand_in: StandIn::in_dir(&dir.join("dsql")),
        }
    }

    /// The port of the one that this run uses, if it is running.
    pub(crate) fn running_on(&self) -> Option<u16> {
        match self.engine {
            Engine::Postgres => self.postgres.running_on(),
            Engine::Dsql => self.stand_in.running_on(),
        }
    }

    /// Whether the one that this run does not use is running.
    pub(crate) fn other_runs(&self) -> bool {
        match self.engine {
            Engine::Postgres => self.stand_in.runs(),
            Engine::Dsql => self.postgres.running_on().is_some(),
        }
    }

    /// Whether any is running.
    pub(crate) fn runs(&self) -> bool {
        self.postgres.running_on().is_some() || self.stand_in.runs()
    }

    /// Whether a URL is that of a database of this stack on `port`.
    pub(crate) fn owns(&self, url: &str, port: u16) -> bool {
        [self.postgres.url(port), self.stand_in.url(port)]
            .into_iter()
            .flatten()
            .any(|own| own == url)
    }

    /// Starts it on this port, or on a free one, and stops the other. Its data survives a power cut if it
    /// is `durable`.
    ///
    /// # Errors
    /// If the port is in use or it does not start.
    pub(crate) async fn start(
        &self,
        config: &Config,
        tools: &Tools,
        wanted: Option<u16>,
        durable: bool,
    ) -> Result<Urls> {
        self.stop()?;
        let port = match wanted {
            Some(port) => require_free(port, "the database", "WAYBILL_POSTGRES_PORT")?,
            None => free_port()?,
        };
        match self.engine {
            Engine::Postgres => {
                ui::step(format!("Starting Postgres on 127.0.0.1:{port}"));
                self.postgres.start(tools.dir(), port, durable).await?;
            }
            Engine::Dsql => {
                ui::step(format!("Starting the stand-in for Aurora DSQL on 127.0.0.1:{port}"));
                let scripts = config.common.root.join("localstack");
                let programs = Programs { tools: tools.dir(), scripts: &scripts };
                let [behind] = lasting_ports()?;
                self.stand_in.start(programs, port, behind, durable).await?;
            }
        }
        self.urls(port)
    }

    /// How to reach it.
    ///
    /// # Errors
    /// If it was never started.
    pub(crate) fn urls(&self, port: u16) -> Result<Urls> {
        match self.engine {
            Engine::Postgres => self.postgres.url(port).map(Urls::of_postgres),
            Engine::Dsql => {
                let service = self.stand_in.url(port)?;
                Ok(Urls { service, direct: self.stand_in.url_behind()? })
            }
        }
    }

    /// Stops all.
    ///
    /// # Errors
    /// If one is still running then.
    pub(crate) fn stop(&self) -> Result<()> {
        self.stand_in.stop()?;
        self.postgres.stop()
    }
}
