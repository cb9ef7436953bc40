//! A stack: Postgres and an emulator, with a folder for their files. `make up`, `make watch` and
//! `make test` have one each, so that they work side by side.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Seek as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use waybill_ops::aws::{self, Aws};
use waybill_ops::env_file;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::tools::Tools;
use waybill_ops::ui;

use crate::config::Config;
use crate::database::Database;
use crate::emulator::Emulator;
use crate::postgres::Postgres;

/// Which stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of `make up`: on the documented ports, kept until `make down`.
    Main,
    /// Of `make watch`: on free ports, gone with it, except for its data.
    Watch,
    /// Of `make test`, and of `make bench`: on free ports, gone with it altogether.
    Test,
}

impl Kind {
    /// All of them.
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

/// A stack, in the hands of this run. Dropped before [`Stack::keep`], it stops what it started.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) kind: Kind,
    pub(crate) dir: PathBuf,
    env_path: PathBuf,
    postgres: Postgres,
    emulator: Emulator,
    started_postgres: bool,
    started_emulator: bool,
    _lock: File,
}

/// Where the parts of a running stack are.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) database_url: String,
    pub(crate) aws: Aws,
    /// Whether the emulator is one that was given.
    pub(crate) given_emulator: bool,
}

impl Endpoints {
    /// The database of the stack.
    pub(crate) fn database(&self) -> Database {
        Database::new(&self.database_url)
    }
}

impl Stack {
    /// Takes the stack for this run.
    ///
    /// # Errors
    /// If another run has it.
    pub(crate) fn take(config: &Config, kind: Kind) -> Result<Self> {
        let dir = config.local().join(kind.folder());
        // Open to others, whatever the umask: Postgres may have to run as somebody else.
        fs::create_dir_all(&dir)
            .and_then(|()| fs::set_permissions(&dir, Permissions::from_mode(0o755)))
            .context(|| format!("Cannot make {}.", dir.display()))?;
        let lock = lock(&dir.join("lock")).map_err(|holder| match holder {
            Holder::Process(id) => Error::new(format!(
                "A `{}` or `make down` is at work in this checkout (process {id}); wait for its end.",
                kind.target()
            )),
            Holder::Unknown(error) => error,
        })?;
        Ok(Self {
            kind,
            postgres: Postgres::in_dir(&dir),
            emulator: Emulator::in_dir(&dir),
            env_path: match kind {
                Kind::Main => env_file::path_of_make_up(&config.common),
                Kind::Watch | Kind::Test => dir.join("stack.env"),
            },
            dir,
            started_postgres: false,
            started_emulator: false,
            _lock: lock,
        })
    }

    /// The process that has this stack, if one does.
    pub(crate) fn holder(config: &Config, kind: Kind) -> Option<i32> {
        match lock(&config.local().join(kind.folder()).join("lock")) {
            Err(Holder::Process(id)) => Some(id),
            Ok(_) | Err(Holder::Unknown(_)) => None,
        }
    }

    /// Starts what does not run yet. A Postgres or an emulator that was given is used instead of an
    /// own one, except by the tests, which must not meet anybody's data.
    ///
    /// # Errors
    /// If a port is taken or something does not start.
    pub(crate) async fn start(&mut self, config: &Config, tools: &Tools) -> Result<Endpoints> {
        let database_url = self.start_database(config, tools).await?;
        let given_endpoint = self.given_endpoint(config);
        let given_emulator = given_endpoint.is_some();
        let endpoint = if let Some(endpoint) = given_endpoint {
            ui::step(format!("AWS: the emulator at {endpoint}"));
            aws::refuse_the_cloud(&endpoint)?;
            reqwest::get(&endpoint).await.context(|| {
                "AWS_ENDPOINT_URL is set, and nothing answers there. Start it, or unset \
                 AWS_ENDPOINT_URL to have an emulator started for you."
            })?;
            endpoint
        } else {
            format!("http://127.0.0.1:{}", self.start_emulator(config, tools).await?)
        };
        let mut aws = Aws::at(&config.common, &endpoint);
        if self.kind != Kind::Watch {
            aws = aws.alone();
        }
        Ok(Endpoints { database_url, aws, given_emulator })
    }

    /// Starts Postgres alone, likewise, and says where it is.
    ///
    /// # Errors
    /// If its port is taken or it does not start.
    pub(crate) async fn start_database(
        &mut self,
        config: &Config,
        tools: &Tools,
    ) -> Result<String> {
        if let Some(url) = self.given_database(config) {
            ui::step("Postgres: the one in DATABASE_URL");
            Database::given(&url).await?;
            return Ok(url);
        }
        let port = self.start_postgres(config, tools).await?;
        self.postgres.url(port)
    }

    /// Fails early if a port that will be needed is somebody else's.
    ///
    /// # Errors
    /// Names the port and the variable that changes it.
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
        Ok(())
    }

    /// Whether this run has started anything.
    pub(crate) fn started_anything(&self) -> bool {
        self.started_postgres || self.started_emulator
    }

    /// Lets the stack run on when this run has ended.
    pub(crate) fn keep(mut self) {
        self.started_postgres = false;
        self.started_emulator = false;
    }

    /// Stops everything, whoever started it.
    ///
    /// # Errors
    /// If something cannot be stopped.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let _ = fs::remove_file(self.env_path());
        self.emulator.stop()?;
        self.postgres.stop()?;
        self.started_postgres = false;
        self.started_emulator = false;
        Ok(())
    }

    /// Stops everything and deletes all its files.
    ///
    /// # Errors
    /// If something cannot be stopped or deleted.
    pub(crate) fn delete(mut self) -> Result<()> {
        self.stop()?;
        fs::remove_dir_all(&self.dir).context(|| format!("Cannot delete {}.", self.dir.display()))
    }

    /// Whether anything of it runs.
    pub(crate) fn runs(&self) -> bool {
        self.postgres.running_on().is_some() || self.emulator.running_on().is_some()
    }

    /// Where its variables are written.
    pub(crate) fn env_path(&self) -> &Path {
        &self.env_path
    }

    /// The folder of the stack of `make up`.
    pub(crate) fn main_dir(config: &Config) -> PathBuf {
        config.local().join(Kind::Main.folder())
    }

    /// The Postgres to use instead of an own one. Not one that is this stack's: in a shell that has
    /// sourced `stack.env`, `make up` means what it means elsewhere.
    fn given_database(&self, config: &Config) -> Option<String> {
        let url = config.common.database_url.clone().filter(|_| self.kind != Kind::Test)?;
        let own = self.postgres.url(config.postgres_port).ok();
        (self.kind != Kind::Main || own.as_ref() != Some(&url)).then_some(url)
    }

    /// The emulator to use instead of an own one, likewise: at our address it is ours if we run it,
    /// and becomes ours if nobody does.
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
            // What a killed `make watch` has left ends with this one.
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

    async fn start_emulator(&mut self, config: &Config, tools: &Tools) -> Result<u16> {
        let wanted = (self.kind == Kind::Main).then_some(config.emulator_port);
        if let Some(port) = self.emulator.running_on()
            && wanted.is_none_or(|wanted| wanted == port)
        {
            self.started_emulator = self.kind != Kind::Main;
            return Ok(port);
        }
        // Also ends functions that an emulator left behind when it was killed.
        self.emulator.stop()?;
        let port = match wanted {
            Some(port) => require_free(port, "the AWS emulator", "WAYBILL_EMULATOR_PORT")?,
            None => free_port()?,
        };
        ui::step(format!("Starting the AWS emulator on 127.0.0.1:{port}"));
        self.started_emulator = true;
        self.emulator.start(config, tools, port).await?;
        Ok(port)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.kind == Kind::Watch {
            let _ = fs::remove_file(self.env_path());
        }
        let stopped = [
            self.started_emulator.then(|| self.emulator.stop()),
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

/// Fails if somebody else has the port.
///
/// # Errors
/// Names the port and the variable that changes it.
pub(crate) fn require_free(port: u16, who: &str, variable: &str) -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(|_| port).context(|| {
        format!(
            "Port {port} on 127.0.0.1, meant for {who}, is taken by another program. Stop that \
             program, or choose another port with {variable}, such as {variable}={}.",
            port.wrapping_add(1)
        )
    })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .context(|| "There is no free port on 127.0.0.1.")
}

/// Why a lock was not to be had.
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
