//! A stack: a database, an emulator and the proxies of faults, with a folder for their files. `make up`,
//! `make watch` and `make test` each have their own, so they can run side by side.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ::faults::settings::{Ports, Settings};
use waybill_ops::aws::{self, Aws};
use waybill_ops::env_file;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::tools::Tools;
use waybill_ops::ui;

use crate::config::{Config, Engine};
use crate::console::Console;
use crate::database::Database;
use crate::databases::{Databases, Urls};
use crate::emulator::Emulator;
use crate::faults::{self, Faults};
use crate::lock::{Holder, lock};
use crate::ports::{free_port, is_free, require_free};
use crate::traffic::Traffic;

mod kind;

pub(crate) use kind::Kind;

/// A stack that this run has locked. Dropping it stops what this run started, except after
/// [`Stack::keep`].
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) kind: Kind,
    pub(crate) dir: PathBuf,
    env_path: PathBuf,
    databases: Databases,
    emulator: Emulator,
    pub(crate) console: Console,
    faults: Faults,
    /// The traffic generator.
    pub(crate) traffic: Traffic,
    started_database: bool,
    started_emulator: bool,
    started_faults: bool,
    _lock: File,
}

/// The endpoints of a running stack.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// What the database is.
    pub(crate) engine: Engine,
    pub(crate) database_url: String,
    /// The same database for what Aurora DSQL would refuse.
    pub(crate) direct_database_url: String,
    /// The database as the functions reach it: through a proxy, where faults can be started.
    pub(crate) functions_database_url: String,
    /// The control API of faults, where they can be started.
    pub(crate) faults_url: Option<String>,
    pub(crate) aws: Aws,
    /// Whether the emulator is the one in `AWS_ENDPOINT_URL`.
    pub(crate) given_emulator: bool,
}

impl Endpoints {
    /// The database of the stack, for whatever a Postgres can do.
    pub(crate) fn database(&self) -> Database {
        Database::new(&self.direct_database_url)
    }
}

impl Stack {
    /// Locks the stack for this run.
    ///
    /// # Errors
    /// If another run has it.
    pub(crate) fn take(config: &Config, kind: Kind) -> Result<Self> {
        let dir = config.local().join(kind.folder());
        // Readable by others with any umask: Postgres may have to run as another user.
        fs::create_dir_all(&dir)
            .and_then(|()| fs::set_permissions(&dir, Permissions::from_mode(0o755)))
            .context(|| format!("Failed to create {}.", dir.display()))?;
        let lock = lock(&dir.join("lock")).map_err(|holder| match holder {
            Holder::Process(id) => Error::new(format!(
                "`{}` or `make down` is running in this checkout (process {id}). Wait until it has ended.",
                kind.target()
            )),
            Holder::Unknown(error) => error,
        })?;
        Ok(Self {
            kind,
            databases: Databases::in_dir(&dir, config.engine),
            emulator: Emulator::in_dir(&dir),
            console: Console::in_dir(&dir),
            faults: Faults::in_dir(&dir),
            traffic: Traffic::in_dir(&dir),
            env_path: if kind == Kind::Main {
                env_file::path_of_make_up(&config.common)
            } else {
                dir.join("stack.env")
            },
            dir,
            started_database: false,
            started_emulator: false,
            started_faults: false,
            _lock: lock,
        })
    }

    /// The process that has this stack, if there is one.
    pub(crate) fn holder(config: &Config, kind: Kind) -> Option<i32> {
        match lock(&config.local().join(kind.folder()).join("lock")) {
            Err(Holder::Process(id)) => Some(id),
            Ok(_) | Err(Holder::Unknown(_)) => None,
        }
    }

    /// Starts what is not running. A Postgres or an emulator named in the environment is used instead,
    /// except by tests, which must not touch other data.
    ///
    /// # Errors
    /// If a port is in use or something does not start.
    pub(crate) async fn start(&mut self, config: &Config, tools: &Tools) -> Result<Endpoints> {
        if self.databases.other_runs() {
            // Its queues and its cache are about the orders and products of the other database.
            self.emulator.stop()?;
        }
        let Urls { service: database_url, direct: direct_database_url } =
            self.start_database(config, tools).await?;
        let given = self.given_endpoint(config);
        // The proxies of faults have to know it before the emulator starts.
        let port = self.emulator_port(config)?;
        let own = given.is_none().then_some(port);
        let faults = self.start_faults(config, &database_url, own).await?;
        let given_emulator = given.is_some();
        let endpoint = if let Some(endpoint) = given {
            ui::step(format!("Using the emulator at {endpoint}"));
            aws::refuse_the_cloud(&endpoint)?;
            reqwest::get(&endpoint).await.context(|| {
                "AWS_ENDPOINT_URL is set, but nothing answers there. Start the emulator, or unset \
                 AWS_ENDPOINT_URL: then one is started for you."
            })?;
            endpoint
        } else {
            let ports = faults.as_ref().map(|settings| settings.ports);
            self.start_emulator(config, tools, port, ports).await?;
            format!("http://127.0.0.1:{port}")
        };
        let mut aws = Aws::at(&config.common, &endpoint);
        if self.kind != Kind::Watch {
            aws = aws.alone();
        }
        let functions_database_url = match &faults {
            Some(settings) => faults::proxied(&database_url, settings.ports)?,
            None => database_url.clone(),
        };
        let faults_url = faults.as_ref().map(faults::url);
        Ok(Endpoints {
            engine: config.engine,
            database_url,
            direct_database_url,
            functions_database_url,
            faults_url,
            aws,
            given_emulator,
        })
    }

    /// Starts the database only. Returns how to reach it.
    ///
    /// # Errors
    /// If its port is in use or it does not start.
    pub(crate) async fn start_database(&mut self, config: &Config, tools: &Tools) -> Result<Urls> {
        if let Some(url) = self.given_database(config) {
            if config.engine == Engine::Dsql {
                return Err(Error::new(
                    "DATABASE is dsql, which starts a database of its own, and DATABASE_URL names \
                     another. Unset one of them.",
                ));
            }
            ui::step("Using the Postgres in DATABASE_URL");
            Database::given(&url).await?;
            return Ok(Urls::of_postgres(url));
        }
        let wanted = (self.kind == Kind::Main).then_some(config.postgres_port);
        if let Some(port) = self.databases.running_on()
            && wanted.is_none_or(|wanted| wanted == port)
        {
            // A killed `make watch` left it. It ends with this run.
            self.started_database = self.kind != Kind::Main;
            return self.databases.urls(port);
        }
        self.started_database = true;
        self.databases.start(config, tools, wanted, !self.kind.is_of_tests()).await
    }

    /// Starts the database of a test stack again, this time with commits that wait for the disk.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn restart_database_durably(
        &mut self,
        config: &Config,
        tools: &Tools,
    ) -> Result<Urls> {
        self.databases.start(config, tools, None, true).await
    }

    /// Fails early if another program uses a port of this stack.
    ///
    /// # Errors
    /// If a port is in use, with the variable that changes it.
    pub(crate) fn check_ports(&self, config: &Config) -> Result<()> {
        if self.kind != Kind::Main {
            return Ok(());
        }
        if config.common.database_url.is_none()
            && self.databases.running_on() != Some(config.postgres_port)
            && !self.databases.other_runs()
        {
            require_free(config.postgres_port, "the database", "WAYBILL_POSTGRES_PORT")?;
        }
        if config.common.endpoint_url.is_none()
            && self.emulator.running_on() != Some(config.emulator_port)
        {
            require_free(config.emulator_port, "the AWS emulator", "WAYBILL_EMULATOR_PORT")?;
        }
        if self.console.running_on() != Some(config.console_port) {
            require_free(config.console_port, "the console", "WAYBILL_CONSOLE_PORT")?;
        }
        if config.common.endpoint_url.is_none()
            && self.faults.running_on() != Some(config.faults_port)
        {
            require_free(config.faults_port, "faults", "WAYBILL_FAULTS_PORT")?;
        }
        Ok(())
    }

    /// Whether this run has started any part of it.
    pub(crate) fn started_anything(&self) -> bool {
        self.started_database || self.started_emulator || self.started_faults
    }

    /// Keeps the stack running when this run ends.
    pub(crate) fn keep(mut self) {
        self.started_database = false;
        self.started_emulator = false;
        self.started_faults = false;
    }

    /// Stops everything, including what other runs started.
    ///
    /// # Errors
    /// If something can't be stopped.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let _ = fs::remove_file(self.env_path());
        self.console.stop()?;
        self.traffic.stop()?;
        self.emulator.stop()?;
        self.faults.stop()?;
        self.databases.stop()?;
        self.started_database = false;
        self.started_emulator = false;
        self.started_faults = false;
        Ok(())
    }

    /// Stops everything and deletes all files.
    ///
    /// # Errors
    /// If something can't be stopped or deleted.
    pub(crate) fn delete(mut self) -> Result<()> {
        self.stop()?;
        fs::remove_dir_all(&self.dir)
            .context(|| format!("Failed to delete {}.", self.dir.display()))
    }

    /// Whether any part of it is running.
    pub(crate) fn runs(&self) -> bool {
        self.databases.runs()
            || self.emulator.running_on().is_some()
            || self.faults.running_on().is_some()
            || self.traffic.running_at().is_some()
    }

    /// The file of its variables.
    pub(crate) fn env_path(&self) -> &Path {
        &self.env_path
    }

    /// The folder of `make up`'s stack.
    pub(crate) fn main_dir(config: &Config) -> PathBuf {
        config.local().join(Kind::Main.folder())
    }

    /// The Postgres in `DATABASE_URL`, unless it is one of this stack: in a shell that has sourced
    /// `stack.env`, `make up` does the same as elsewhere.
    fn given_database(&self, config: &Config) -> Option<String> {
        let url = config.common.database_url.clone().filter(|_| !self.kind.is_of_tests())?;
        let own = self.kind == Kind::Main && self.databases.owns(&url, config.postgres_port);
        (!own).then_some(url)
    }

    /// The emulator in `AWS_ENDPOINT_URL`, unless it is this stack's own: at our port with our emulator
    /// running, or with nothing running.
    fn given_endpoint(&self, config: &Config) -> Option<String> {
        let url = config.common.endpoint_url.clone().filter(|_| !self.kind.is_of_tests())?;
        let port = config.emulator_port;
        let own = url == format!("http://127.0.0.1:{port}")
            && (self.emulator.running_on() == Some(port) || is_free(port));
        (self.kind != Kind::Main || !own).then_some(url)
    }

    /// The port of this stack's own emulator.
    fn emulator_port(&self, config: &Config) -> Result<u16> {
        if self.kind == Kind::Main {
            Ok(config.emulator_port)
        } else {
            self.emulator.running_on().map_or_else(free_port, Ok)
        }
    }

    /// Starts the proxies between the functions and what they depend on. Only the functions of our own
    /// emulator, on the port `emulator`, can be told to use them.
    async fn start_faults(
        &mut self,
        config: &Config,
        database_url: &str,
        emulator: Option<u16>,
    ) -> Result<Option<Settings>> {
        let Some(emulator) = emulator.filter(|_| !self.kind.is_watched()) else {
            self.faults.stop()?;
            return Ok(None);
        };
        let control = if self.kind == Kind::Main {
            config.faults_port
        } else {
            self.faults.running_on().map_or_else(free_port, Ok)?
        };
        let settings = self.faults.settings(config, database_url, control, emulator)?;
        if self.faults.ports() != Some(settings.ports) {
            // Its functions use other ports.
            self.emulator.stop()?;
        }
        // First, so that a failed start is cleaned up, too.
        self.started_faults = self.kind != Kind::Main || self.faults.running_on().is_none();
        self.started_faults |= self.faults.start(config, &settings).await?;
        Ok(Some(settings))
    }

    async fn start_emulator(
        &mut self,
        config: &Config,
        tools: &Tools,
        port: u16,
        proxies: Option<Ports>,
    ) -> Result<()> {
        if self.emulator.running_on() == Some(port) {
            self.started_emulator = self.kind != Kind::Main;
            return Ok(());
        }
        // This also ends functions that a killed emulator left.
        self.emulator.stop()?;
        require_free(port, "the AWS emulator", "WAYBILL_EMULATOR_PORT")?;
        ui::step(format!("Starting the AWS emulator on 127.0.0.1:{port}"));
        self.started_emulator = true;
        self.emulator.start(config, tools, port, proxies).await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.kind == Kind::Watch {
            let _ = fs::remove_file(self.env_path());
        }
        let stopped = [
            // It sends to the emulator.
            self.started_emulator.then(|| self.traffic.stop()),
            self.started_emulator.then(|| self.emulator.stop()),
            self.started_faults.then(|| self.faults.stop()),
            self.started_database.then(|| self.databases.stop()),
        ];
        for error in stopped.into_iter().flatten().filter_map(Result::err) {
            ui::failure(&error);
        }
        if self.kind.is_of_tests() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}
