//! Child processes that the runner waits for, and daemons that outlive it.
//!
//! Each leads its own process group, so that ending it also ends its children.

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

/// How often a quiet child prints that it is still running.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Variables that `cargo run` sets for the runner. Build scripts such as ring's run again when these
/// change, so passing them on would recompile what a plain `cargo build` has compiled.
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

/// A child that the runner waits for. Dropping it ends the whole process group.
#[derive(Debug)]
pub struct Child {
    child: tokio::process::Child,
    group: Option<Pid>,
}

impl Child {
    /// Starts the command in its own process group, with empty standard input.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn spawn(command: &mut tokio::process::Command) -> Result<Self> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        for name in OF_CARGO_RUN {
            command.env_remove(name);
        }
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .context(|| format!("Failed to start `{program}`. Is it installed?"))?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self { child, group })
    }

    /// The lines of the child's piped output and errors. Can be taken once.
    pub fn lines(&mut self) -> Option<mpsc::Receiver<String>> {
        let (sender, lines) = mpsc::channel(100);
        let (out, err) = (self.child.stdout.take()?, self.child.stderr.take()?);
        tokio::spawn(forward(BufReader::new(out), sender.clone()));
        tokio::spawn(forward(BufReader::new(err), sender));
        Some(lines)
    }

    /// The child's piped standard output. Can be taken once.
    pub fn stdout(&mut self) -> Option<tokio::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until the child exits.
    ///
    /// # Errors
    /// If waiting fails.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().await.context(|| "Failed to wait for a child process.")?;
        self.group = None;
        Ok(status)
    }
}

impl Drop for Child {
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

/// Runs a command with its output on the terminal.
///
/// # Errors
/// If it fails.
pub async fn run_loudly(what: &str, command: &mut tokio::process::Command) -> Result<()> {
    let status = Child::spawn(command)?.wait().await?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!("{what} failed ({status}). Its output is above.")))
}

/// Runs a command with its output in a log file. `usual` is about how long it takes.
///
/// # Errors
/// If it fails, with the end of the log.
pub async fn run_quietly(
    what: &str,
    command: &mut tokio::process::Command,
    log: &Path,
    usual: Duration,
) -> Result<()> {
    let (out, err) = log_file(log)?;
    let mut child = Child::spawn(command.stdout(out).stderr(err))?;
    let started = Instant::now();
    let status = loop {
        match tokio::time::timeout(HEARTBEAT, child.wait()).await {
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

/// A child that outlives the runner. A file holds its process id.
#[derive(Debug, Clone)]
pub struct Daemon {
    name: &'static str,
    pid_file: PathBuf,
    log: PathBuf,
    /// A part of its command line, which tells it from another process with the same id.
    mark: String,
}

impl Daemon {
    /// A daemon with its files in `dir`.
    pub fn new(name: &'static str, dir: &Path, mark: impl Into<String>) -> Self {
        Self {
            name,
            pid_file: dir.join(format!("{name}.pid")),
            log: dir.join(format!("{name}.log")),
            mark: mark.into(),
        }
    }

    /// The port that it was started for, if it is running.
    #[must_use]
    pub fn running_on(&self) -> Option<u16> {
        let (pid, port) = self.recorded()?;
        self.is_ours(pid).then_some(port)
    }

    /// Starts it with its output in its log, and waits until it is `ready`.
    ///
    /// # Errors
    /// If it exits or takes longer than `patience`, with the end of its log.
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
            .context(|| format!("Failed to start {}.", self.name))?;
        fs::write(&self.pid_file, format!("{} {port}\n", child.id()))
            .context(|| format!("Failed to write {}.", self.pid_file.display()))?;
        let started = Instant::now();
        while started.elapsed() < patience && matches!(child.try_wait(), Ok(None)) {
            if ready().await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Error::new(format!("{} did not start:\n{}", self.name, tail(&self.log, 15))))
    }

    /// Stops it and its process group: with `signal`, and with SIGKILL after ten seconds.
    /// Does nothing if it is not running.
    ///
    /// # Errors
    /// If it is still running then.
    pub fn stop(&self, signal: Signal) -> Result<()> {
        let Some((pid, _)) = self.recorded() else {
            return Ok(());
        };
        // A killed daemon leaves a group without a leader. If the leader is another program, the id was
        // reused, and the group is not ours. A process that has just started has no command line yet.
        let is_dead = || test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
        wait_until(Duration::from_millis(200), || self.is_ours(pid) || is_dead());
        let leads = self.is_ours(pid);
        if leads || is_dead() {
            let _ = kill_process_group(pid, signal);
            wait_until(Duration::from_secs(10), || !self.is_ours(pid));
            // Children that have not exited by now are killed.
            let _ = kill_process_group(pid, Signal::KILL);
            wait_until(Duration::from_secs(1), || !self.is_ours(pid));
            if self.is_ours(pid) {
                let id = pid.as_raw_nonzero();
                return Err(Error::new(format!(
                    "Failed to stop {} (process {id}). Try `kill {id}` as the user who started it.",
                    self.name
                )));
            }
            // Its command line is gone before its sockets are, and the next one needs its port.
            wait_until(Duration::from_secs(10), || has_exited(pid));
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

/// The command line of a process; none if it does not exist or is a zombie.
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

/// Whether a process has closed its files: it does not exist, or is a zombie without other threads.
fn has_exited(pid: Pid) -> bool {
    let id = pid.as_raw_nonzero();
    let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else {
        // There is no such process, or no such file on this system.
        return command_line(pid).is_none();
    };
    // The state follows the name, which is in parentheses and may have some.
    let is_zombie = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']));
    let threads = fs::read_dir(format!("/proc/{id}/task")).map_or(0, Iterator::count);
    is_zombie && threads <= 1
}

/// The last lines of a log file, indented.
#[must_use]
pub fn tail(log: &Path, lines: usize) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let end = all.iter().skip(all.len().saturating_sub(lines));
    let shown: Vec<String> = end.map(|line| format!("  | {line}")).collect();
    format!("{}\n  full log: {}", shown.join("\n"), log.display())
}

fn log_file(path: &Path) -> Result<(File, File)> {
    File::create(path)
        .and_then(|file| Ok((file.try_clone()?, file)))
        .context(|| format!("Failed to write {}.", path.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_exited_when_it_is_dead_though_nobody_has_waited_for_it() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_child(&child);
        assert!(!has_exited(pid));
        child.kill().unwrap();
        assert!(wait_until(Duration::from_secs(10), || has_exited(pid)));
        child.wait().unwrap();
        assert!(has_exited(pid));
    }
}
