//! Children of the runner: jobs that it waits for, and daemons that outlive it.
//!
//! Each is the leader of a process group of its own, so that ending it ends what it started.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader};
use tokio::sync::mpsc;

use crate::error::{Context as _, Error, Result};
use crate::ui;

/// How often a quiet job says that it is still at work.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What `cargo run` tells the runner about itself. Build scripts, ring's for one, run again when these
/// change: handed on, they would have every `make` compile anew what a plain `cargo build` compiled.
const OF_CARGO_RUN: [&str; 17] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// A child that the runner waits for. Dropped early, it is ended with all that it started.
#[derive(Debug)]
pub struct Job {
    child: tokio::process::Child,
    group: Option<Pid>,
}

impl Job {
    /// Starts the command in a process group of its own, with nothing to read.
    ///
    /// # Errors
    /// A sentence that names the program, if it cannot be started.
    pub fn spawn(command: &mut tokio::process::Command) -> Result<Self> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        for name in OF_CARGO_RUN {
            command.env_remove(name);
        }
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .context(|| format!("`{program}` cannot be started; is it installed?"))?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self { child, group })
    }

    /// Lines of the child's piped output and errors, once.
    pub fn lines(&mut self) -> Option<mpsc::Receiver<String>> {
        let (sender, lines) = mpsc::channel(100);
        let (out, err) = (self.child.stdout.take()?, self.child.stderr.take()?);
        tokio::spawn(forward(BufReader::new(out), sender.clone()));
        tokio::spawn(forward(BufReader::new(err), sender));
        Some(lines)
    }

    /// The child's piped standard output, once.
    pub fn stdout(&mut self) -> Option<tokio::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If the child was lost.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().await.context(|| "A child process was lost.")?;
        self.group = None;
        Ok(status)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::TERM);
            let ended = || !matches!(self.child.try_wait(), Ok(None));
            wait_until(Duration::from_secs(5), ended);
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn forward(mut from: impl AsyncBufRead + Unpin, to: mpsc::Sender<String>) {
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if to.send(text).await.is_err() {
            return;
        }
        line.clear();
    }
}

/// Runs a command whose output belongs on the terminal.
///
/// # Errors
/// A sentence that names what was attempted, if it fails.
pub async fn run_loudly(what: &str, command: &mut tokio::process::Command) -> Result<()> {
    let status = Job::spawn(command)?.wait().await?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!("{what} failed ({status}); what it said is above.")))
}

/// Runs a command whose output only matters if it fails: it goes to a log, whose end is shown then.
/// `usual` is about how long it takes.
///
/// # Errors
/// A sentence that names what was attempted, with the end of the log.
pub async fn run_quietly(
    what: &str,
    command: &mut tokio::process::Command,
    log: &Path,
    usual: Duration,
) -> Result<()> {
    let (out, err) = log_file(log)?;
    let mut job = Job::spawn(command.stdout(out).stderr(err))?;
    let started = Instant::now();
    let status = loop {
        match tokio::time::timeout(HEARTBEAT, job.wait()).await {
            Ok(status) => break status?,
            Err(_) => ui::step(format!(
                "  … {what}: {} s of about {} s",
                started.elapsed().as_secs(),
                usual.as_secs()
            )),
        }
    };
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!("{what} failed ({status}):\n{}", tail(log, 25))))
}

/// A child that goes on when the runner has ended, known by a file with its process id.
#[derive(Debug, Clone)]
pub struct Daemon {
    name: &'static str,
    pid_file: PathBuf,
    log: PathBuf,
    /// A part of its command line, to tell it from a stranger who was given its process id.
    mark: String,
}

impl Daemon {
    /// Describes a daemon that keeps its files in `dir`.
    pub fn new(name: &'static str, dir: &Path, mark: impl Into<String>) -> Self {
        Self {
            name,
            pid_file: dir.join(format!("{name}.pid")),
            log: dir.join(format!("{name}.log")),
            mark: mark.into(),
        }
    }

    /// Whether it runs; what port it was started for, if so.
    #[must_use]
    pub fn running_on(&self) -> Option<u16> {
        let (pid, port) = self.recorded()?;
        self.is_ours(pid).then_some(port)
    }

    /// Starts it, with its output in its log, and waits until `ready` says that it is.
    ///
    /// # Errors
    /// With the end of its log, if it dies or takes longer than `patience`.
    pub async fn start<F: Future<Output = bool>>(
        &self,
        command: &mut std::process::Command,
        port: u16,
        patience: Duration,
        ready: impl Fn() -> F,
    ) -> Result<()> {
        let (out, err) = log_file(&self.log)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .context(|| format!("{} cannot be started.", self.name))?;
        fs::write(&self.pid_file, format!("{} {port}\n", child.id()))
            .context(|| format!("Cannot write {}.", self.pid_file.display()))?;
        let started = Instant::now();
        while started.elapsed() < patience && matches!(child.try_wait(), Ok(None)) {
            if ready().await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Error::new(format!("{} did not start:\n{}", self.name, tail(&self.log, 15))))
    }

    /// Ends it and its process group: with `signal`, and after ten seconds without mercy.
    /// Does nothing if it does not run.
    ///
    /// # Errors
    /// If it runs on all the same.
    pub fn stop(&self, signal: Signal) -> Result<()> {
        let Some((pid, _)) = self.recorded() else {
            return Ok(());
        };
        // A group without its leader is what a killed daemon left; a leader that is not ours means
        // that the number went to somebody else, and so did the group. A process that is just
        // starting has no command line for a moment.
        let is_dead = || test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
        wait_until(Duration::from_millis(200), || self.is_ours(pid) || is_dead());
        let leads = self.is_ours(pid);
        if leads || is_dead() {
            let _ = kill_process_group(pid, signal);
            wait_until(Duration::from_secs(10), || !self.is_ours(pid));
            // The leader is gone, and what it has started had as long as it to end in order.
            let _ = kill_process_group(pid, Signal::KILL);
            wait_until(Duration::from_secs(1), || !self.is_ours(pid));
            if self.is_ours(pid) {
                let id = pid.as_raw_nonzero();
                return Err(Error::new(format!(
                    "{} (process {id}) cannot be stopped; whose is it? Try `kill {id}`.",
                    self.name
                )));
            }
        }
        let _ = fs::remove_file(&self.pid_file);
        Ok(())
    }

    fn recorded(&self) -> Option<(Pid, u16)> {
        let text = fs::read_to_string(&self.pid_file).ok()?;
        let (pid, port) = text.trim().split_once(' ')?;
        Some((Pid::from_raw(pid.parse().ok()?)?, port.parse().ok()?))
    }

    fn is_ours(&self, pid: Pid) -> bool {
        command_line(pid).is_some_and(|line| line.contains(&self.mark))
    }
}

/// The command line of a process; none of a process that does not exist or only waits to be reaped.
#[must_use]
pub fn command_line(pid: Pid) -> Option<String> {
    let id = pid.as_raw_nonzero();
    let line = if Path::new("/proc/self/cmdline").exists() {
        String::from_utf8_lossy(&fs::read(format!("/proc/{id}/cmdline")).ok()?).replace('\0', " ")
    } else {
        let ps = std::process::Command::new("ps")
            .args(["-o", "command=", "-p", &id.to_string()])
            .output()
            .ok()?;
        String::from_utf8_lossy(&ps.stdout).into_owned()
    };
    (!line.trim().is_empty()).then_some(line)
}

/// The last lines of a log, indented.
#[must_use]
pub fn tail(log: &Path, lines: usize) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let end = all.iter().skip(all.len().saturating_sub(lines));
    let shown: Vec<String> = end.map(|line| format!("  | {line}")).collect();
    format!("{}\n  all of it is in {}", shown.join("\n"), log.display())
}

fn log_file(path: &Path) -> Result<(File, File)> {
    File::create(path)
        .and_then(|file| Ok((file.try_clone()?, file)))
        .context(|| format!("Cannot write {}.", path.display()))
}

fn wait_until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < patience {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    condition()
}
