//! The pinned tools: a Python environment in `.local/tools`, installed from
//! `localstack/requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::config::Config;
use crate::error::{Context as _, Error, Result};
use crate::{process, ui};

/// The free space that installing the tools takes. They take half of it in the end.
const TOOLS_SPACE: u64 = 2 << 30;
/// The free space that a build takes.
const BUILD_SPACE: u64 = 1 << 30;
/// The Pythons to try, best first. Wheels may be missing for newer ones.
const PYTHONS: [&str; 5] = ["python3", "python3.13", "python3.12", "python3.11", "python3.14"];
/// Prints the version, or why this Python can't be used.
const PROBE: &str = "import sys
if sys.version_info < (3, 11): sys.exit(f'this is Python {sys.version.split()[0]}')
try: import venv, ensurepip
except ImportError as e: sys.exit(f'no module {e.name}')
print(sys.version.split()[0])";

/// The installed tools.
#[derive(Debug, Clone)]
pub struct Tools {
    dir: PathBuf,
    path: String,
}

impl Tools {
    /// The tools of this checkout, installed or not.
    #[must_use]
    pub fn at(config: &Config) -> Self {
        let dir = config.local().join("tools");
        let path = format!("{}:{}", dir.join("bin").display(), config.path);
        Self { dir, path }
    }

    /// Installs the tools, unless this `requirements.txt` is installed already.
    ///
    /// # Errors
    /// If there is no suitable Python or no space, or if pip fails.
    pub async fn install(config: &Config) -> Result<Self> {
        let tools = Self::at(config);
        let requirements = config.root.join("localstack/requirements.txt");
        let wanted = fs::read_to_string(&requirements)
            .context(|| format!("Failed to read {}.", requirements.display()))?;
        // The stamp contains the path, because a Python environment can't be moved.
        let wanted = format!("# {}\n{wanted}", tools.dir.display());
        let stamp = config.local().join("tools.stamp");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(tools);
        }
        let python = find_python(config).await?;
        let local = config.local();
        fs::create_dir_all(&local).context(|| format!("Failed to create {}.", local.display()))?;
        require_space(&local, TOOLS_SPACE, "the tools")?;
        ui::step("Installing the pinned tools into .local/tools (about 90 s, once)");
        let _ = fs::remove_file(&stamp);
        let log = local.join("tools.log");
        process::run_quietly(
            "making the Python environment",
            Command::new(python).args(["-m", "venv", "--clear"]).arg(&tools.dir),
            &log,
            Duration::from_secs(5),
        )
        .await?;
        process::run_quietly(
            "installing the tools",
            Command::new(tools.python())
                .args(["-m", "pip", "install", "--disable-pip-version-check", "--requirement"])
                .arg(&requirements),
            &log,
            Duration::from_secs(90),
        )
        .await?;
        fs::write(&stamp, wanted).context(|| format!("Failed to write {}.", stamp.display()))?;
        Ok(tools)
    }

    /// The folder of the Python environment.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A command that runs one of the tools, with all of them on its `PATH`.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.dir.join("bin").join(program));
        command.env("PATH", &self.path).env("VIRTUAL_ENV", &self.dir);
        command
    }

    /// A command that runs `sam`, without telemetry and without files in the home directory.
    #[must_use]
    pub fn sam(&self) -> Command {
        let mut command = self.command("sam");
        command.env("SAM_CLI_TELEMETRY", "0").env("__SAM_CLI_APP_DIR", self.dir.join("sam-home"));
        command
    }

    /// The Python of the environment.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.dir.join("bin/python")
    }
}

/// Fails if there is too little space for a build.
///
/// # Errors
/// If there is too little space.
pub fn require_space_to_build(config: &Config) -> Result<()> {
    require_space(&config.root, BUILD_SPACE, "a build")
}

fn require_space(folder: &Path, needed: u64, what: &str) -> Result<()> {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(Error::new(format!(
        "{} has {} MiB free, and {what} need{} {} MiB. Free some space and try again.",
        folder.display(),
        free >> 20,
        if what.starts_with("a ") { "s" } else { "" },
        needed >> 20,
    )))
}

async fn find_python(config: &Config) -> Result<String> {
    let candidates = match &config.python {
        Some(chosen) => vec![chosen.as_str()],
        None => PYTHONS.to_vec(),
    };
    let mut refused = Vec::new();
    for candidate in candidates {
        let Ok(probe) = Command::new(candidate).args(["-c", PROBE]).output().await else {
            continue;
        };
        if probe.status.success() {
            return Ok(candidate.to_owned());
        }
        let why = String::from_utf8_lossy(&probe.stderr);
        refused.push(format!("{candidate}: {}", why.lines().last().unwrap_or("it fails to run")));
    }
    let found = if refused.is_empty() {
        "found none".to_owned()
    } else {
        format!("found none that is suitable ({})", refused.join("; "))
    };
    Err(Error::new(format!(
        "The tools need Python 3.11 or newer with venv and ensurepip; {found}. Install it (Debian \
         and Ubuntu: apt install python3-venv), or set WAYBILL_PYTHON to one."
    )))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Stands in for Python: makes an environment with itself in it, and records each call.
    const FAKE_PYTHON: &str = r#"#!/bin/sh
set -eu
echo "$*" >>"${0%/*}/calls"
case "$*" in *venv\ --clear*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;; esac
"#;

    #[tokio::test]
    async fn the_tools_are_installed_in_a_new_checkout_and_only_once() {
        let root = std::env::temp_dir().join(format!("waybill-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(root.join("localstack")).unwrap();
        fs::write(root.join("localstack/requirements.txt"), "a==1\n").unwrap();
        let python = root.join("python");
        fs::write(&python, FAKE_PYTHON).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        let mut config = crate::config::tests::empty();
        config.root.clone_from(&root);
        config.python = Some(python.display().to_string());

        let tools = Tools::install(&config).await.unwrap();
        let calls = fs::read_to_string(root.join("calls")).unwrap();
        let installs = fs::read_to_string(tools.dir().join("bin/calls")).unwrap();
        Tools::install(&config).await.unwrap();

        assert!(calls.contains("-m venv --clear"), "{calls}");
        assert!(installs.contains("-m pip install"), "{installs}");
        assert_eq!(fs::read_to_string(root.join("calls")).unwrap(), calls);
        assert_eq!(fs::read_to_string(tools.dir().join("bin/calls")).unwrap(), installs);

        fs::write(root.join("localstack/requirements.txt"), "a==2\n").unwrap();
        Tools::install(&config).await.unwrap();

        assert_ne!(fs::read_to_string(root.join("calls")).unwrap(), calls);
        fs::remove_dir_all(root).unwrap();
    }
}
