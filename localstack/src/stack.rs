//! A stack: Postgres, an emulator and the proxies of faults, with a folder for their files. `make up`, `make watch` and
//! `make test` each have their own, so they can run side by side.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ::faults::settings::{Ports, Settings};
use waybill_ops::aws::{self, Aws};
use waybill_ops::env_file;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::tools::Tools;
use waybill_ops::ui;

use crate::config::Config;
use crate::console::Console;
use crate::database::Database;
use crate::emulator::Emulator;
use crate::faults::{self, Faults};
use crate::ports::{free_port, is_free, require_free};
use crate::postgres::Postgres;
use crate::traffic::Traffic;

/// Which stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The stack of `make up`: on the documented ports, until `make down`.
    Main,
    /// The stack of `make watch`: on free ports. Its data is kept.
    Watch,
    /// The stack of `make test` and `make bench`: on free ports, deleted afterwards.
    Test,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 3] = [Self::Main, Self::Watch, Self::Test];

    const fn folder(self) -> &'static str {
        match self {
            Self::Main => "stack",
            Self::Watch => "watch",
            Self::Test => "test",
        }
    }

    /// The target of the Makefile that runs it.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Main => "make up",
            Self::Watch => "make watch",
            Self::Test => "make test",
        }
    }
}

/// A stack that this run has locked. Dropping it stops what this run started, except after
/// [`Stack::keep`].
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) kind: Kind,
    pub(crate) dir: PathBuf,
    env_path: PathBuf,
    postgres: Postgres,
    emulator: Emulator,
    pub(crate) console: Console,
    faults: Faults,
    /// The traffic generator.
    pub(crate) traffic: Traffic,
    started_postgres: bool,
    started_emulator: bool,
    started_faults: bool,
    _lock: File,
}

/// The endpoints of a running stack.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) database_url: String,
    /// The database as the functions reach it: through a proxy, where faults can be started.
    pub(crate) functions_database_url: String,
    /// The control API of faults, where they can be started.
    pub(crate) faults_url: Option<String>,
    pub(crate) aws: Aws,
    /// Whether the emulator is the one in `AWS_ENDPOINT_URL`.
    pub(crate) given_emulator: bool,
}

impl Endpoints {
    /// The database of the stack.
    pub(crate) fn database(&self) -> Database {
        Database::new(&self.database_url)
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
            postgres: Postgres::in_dir(&dir),
            emulator: Emulator::in_dir(&dir),
            console: Console::in_dir(&dir),
            faults: Faults::in_dir(&dir),
            traffic: Traffic::in_dir(&dir),
            env_path: match kind {
                Kind::Main => env_file::path_of_make_up(&config.common),
                Kind::Watch | Kind::Test => dir.join("stack.env"),
            },
            dir,
            started_postgres: false,
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
        let database_url = self.start_database(config, tools).await?;
        let given = self.given_endpoint(config);
        let faults = self.start_faults(config, &database_url, given.is_some()).await?;
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
            format!("http://127.0.0.1:{}", self.start_emulator(config, tools, ports).await?)
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
        Ok(Endpoints { database_url, functions_database_url, faults_url, aws, given_emulator })
    }

    /// Starts Postgres only. Returns the URL of the database.
    ///
    /// # Errors
    /// If its port is in use or it does not start.
    pub(crate) async fn start_database(
        &mut self,
        config: &Config,
        tools: &Tools,
    ) -> Result<String> {
        if let Some(url) = self.given_database(config) {
            ui::step("Using the Postgres in DATABASE_URL");
            Database::given(&url).await?;
            return Ok(url);
        }
        let port = self.start_postgres(config, tools).await?;
        self.postgres.url(port)
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
            && self.postgres.running_on() != Some(config.postgres_port)
        {
            require_free(config.postgres_port, "Postgres", "WAYBILL_POSTGRES_PORT")?;
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
        self.started_postgres || self.started_emulator || self.started_faults
    }

    /// Keeps the stack running when this run ends.
    pub(crate) fn keep(mut self) {
        self.started_postgres = false;
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
        self.postgres.stop()?;
        self.started_postgres = false;
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
        self.postgres.running_on().is_some()
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

    /// The Postgres in `DATABASE_URL`, unless it is this stack's own: in a shell that has sourced
    /// `stack.env`, `make up` does the same as elsewhere.
    fn given_database(&self, config: &Config) -> Option<String> {
        let url = config.common.database_url.clone().filter(|_| self.kind != Kind::Test)?;
        let own = self.postgres.url(config.postgres_port).ok();
        (self.kind != Kind::Main || own.as_ref() != Some(&url)).then_some(url)
    }

    /// The emulator in `AWS_ENDPOINT_URL`, unless it is this stack's own: at our port with our emulator
    /// running, or with nothing running.
    fn given_endpoint(&self, config: &Config) -> Option<String> {
        let url = config.common.endpoint_url.clone().filter(|_| self.kind != Kind::Test)?;
        let port = config.emulator_port;
        let own = url == format!("http://127.0.0.1:{port}")
            && (self.emulator.running_on() == Some(port) || is_free(port));
        (self.kind != Kind::Main || !own).then_some(url)
    }

    async fn start_postgres(&mut self, config: &Config, tools: &Tools) -> Result<u16> {
        let wanted = (self.kind == Kind::Main).then_some(config.postgres_port);
        if let Some(port) = self.postgres.running_on()
            && wanted.is_none_or(|wanted| wanted == port)
        {
            // A killed `make watch` left it. It ends with this run.
            self.started_postgres = self.kind != Kind::Main;
            return Ok(port);
        }
        self.postgres.stop()?;
        let port = match wanted {
            Some(port) => require_free(port, "Postgres", "WAYBILL_POSTGRES_PORT")?,
            None => free_port()?,
        };
        ui::step(format!("Starting Postgres on 127.0.0.1:{port}"));
        self.started_postgres = true;
        self.postgres.start(tools.dir(), port, self.kind != Kind::Test).await?;
        Ok(port)
    }

    /// Starts the proxies between the functions and what they depend on. Only the functions of our own
    /// emulator can be told to use them.
    async fn start_faults(
        &mut self,
        config: &Config,
        database_url: &str,
        given_emulator: bool,
    ) -> Result<Option<Settings>> {
        if self.kind != Kind::Main || given_emulator {
            self.faults.stop()?;
            return Ok(None);
        }
        let settings = self.faults.settings(config, database_url)?;
        if self.faults.ports() != Some(settings.ports) {
            // Its functions use other ports.
            self.emulator.stop()?;
        }
        // First, so that a failed start is cleaned up, too.
        self.started_faults = self.faults.running_on().is_none();
        self.started_faults |= self.faults.start(config, &settings).await?;
        Ok(Some(settings))
    }

    async fn start_emulator(
        &mut self,
        config: &Config,
        tools: &Tools,
        proxies: Option<Ports>,
    ) -> Result<u16> {
        let wanted = (self.kind == Kind::Main).then_some(config.emulator_port);
        if let Some(port) = self.emulator.running_on()
            && wanted.is_none_or(|wanted| wanted == port)
        {
            self.started_emulator = self.kind != Kind::Main;
            return Ok(port);
        }
        // This also ends functions that a killed emulator left.
        self.emulator.stop()?;
        let port = match wanted {
            Some(port) => require_free(port, "the AWS emulator", "WAYBILL_EMULATOR_PORT")?,
            None => free_port()?,
        };
        ui::step(format!("Starting the AWS emulator on 127.0.0.1:{port}"));
        self.started_emulator = true;
        self.emulator.start(config, tools, port, proxies).await?;
        Ok(port)
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
            self.started_postgres.then(|| self.postgres.stop()),
        ];
        for error in stopped.into_iter().flatten().filter_map(Result::err) {
            ui::failure(&error);
        }
        if self.kind == Kind::Test {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Why a stack can't be locked.
enum Holder {
    Process(i32),
    Unknown(Error),
}

fn lock(path: &Path) -> std::result::Result<File, Holder> {
    let unknown = |error: std::io::Error| {
        Holder::Unknown(Error::new(format!("{}: {error}.", path.display())))
    };
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(unknown)?;
    if file.try_lock().is_err() {
        let mut text = String::new();
        let _ = file.read_to_string(&mut text);
        return Err(Holder::Process(text.trim().parse().unwrap_or_default()));
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()))
        .map_err(unknown)?;
    Ok(file)
}
