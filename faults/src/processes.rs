//! The processes of one stack's functions.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Finds the processes of one stack's functions, and kills them.
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    /// The folder that this stack's emulator runs binaries from. No other stack has it.
    folder: PathBuf,
    /// The name of the stack, which the names of its functions begin with.
    stack: String,
}

impl Processes {
    pub(crate) fn new(folder: &Path, stack: &str) -> Self {
        Self { folder: folder.to_path_buf(), stack: stack.to_owned() }
    }

    /// Sends SIGKILL to every process of a function. Returns how many there were.
    pub(crate) fn kill(&self, function: &str) -> usize {
        // Links are resolved, as in what /proc says. Without the folder, nothing runs.
        let Ok(folder) = fs::canonicalize(&self.folder) else { return 0 };
        let variable = format!("AWS_LAMBDA_FUNCTION_NAME={}-{function}", self.stack);
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter_map(Pid::from_raw).filter(|&pid| kill_one(pid, &folder, &variable)).count()
    }
}

/// Kills the process if it runs a binary of the folder and has the variable.
fn kill_one(pid: Pid, folder: &Path, variable: &str) -> bool {
    // A handle still means the same process when its id is used again.
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let is_here = fs::read_link(proc.join("exe")).is_ok_and(|binary| binary.starts_with(folder));
    let has_variable = || {
        let environment = fs::read(proc.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|it| it == variable.as_bytes())
    };
    is_here && has_variable() && pidfd_send_signal(&handle, Signal::KILL).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command};

    use super::*;

    /// A stack's folder with a binary that waits.
    fn folder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("waybill-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        let sleep = ["/bin/sleep", "/usr/bin/sleep"].into_iter().find(|it| Path::new(it).exists());
        fs::copy(sleep.unwrap(), folder.join("bootstrap")).unwrap();
        folder
    }

    fn start(folder: &Path, function: &str) -> Child {
        let mut command = Command::new(folder.join("bootstrap"));
        command.arg("60").env("AWS_LAMBDA_FUNCTION_NAME", function).spawn().unwrap()
    }

    #[test]
    fn only_the_processes_of_one_function_of_one_stack_are_killed() {
        let (own, other) = (folder(), folder());
        let mut killed = [start(&own, "waybill-get-order"), start(&own, "waybill-get-order")];
        let mut spared = [start(&own, "waybill-get-orders"), start(&other, "waybill-get-order")];

        let processes = Processes::new(&own, "waybill");
        assert_eq!(processes.kill("get-order"), 2);
        for process in &mut killed {
            assert_eq!(process.wait().unwrap().signal(), Some(9));
        }
        for process in &mut spared {
            assert!(process.try_wait().unwrap().is_none(), "it still runs");
            process.kill().unwrap();
            process.wait().unwrap();
        }
        assert_eq!(processes.kill("get-order"), 0);

        for folder in [own, other] {
            fs::remove_dir_all(folder).unwrap();
        }
        assert_eq!(processes.kill("get-order"), 0, "there is no folder");
    }
}
