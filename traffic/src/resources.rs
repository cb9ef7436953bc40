//! What the processes of a stack use: memory, open files, connections to Postgres.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use crate::history::Process;

/// The processes of the stack with its files in `dir`, and this one as `traffic`. Postgres is left out:
/// its connections say more. Empty where there is no `/proc`.
#[must_use]
pub fn processes(dir: &Path) -> BTreeMap<String, Process> {
    let parents = parents();
    let mut found = BTreeMap::<String, Process>::new();
    let own = std::process::id();
    add(&mut found, "traffic".to_owned(), own);
    for (daemon, leader) in daemons(dir) {
        if leader == own || daemon == "postgres" {
            continue;
        }
        for (&pid, &parent) in &parents {
            if pid == leader {
                add(&mut found, daemon.clone(), pid);
            } else if parent == leader {
                let name = function(pid).map(|name| format!("function {name}"));
                add(&mut found, name.unwrap_or_else(|| format!("{daemon}'s child")), pid);
            }
        }
    }
    found
}

/// The name and process id in each `<name>.pid` of the folder.
fn daemons(dir: &Path) -> Vec<(String, u32)> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let path = entry.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".pid")?.to_owned();
            let text = fs::read_to_string(&path).ok()?;
            Some((name, text.split_whitespace().next()?.parse().ok()?))
        })
        .collect()
}

/// The parent of each process.
fn parents() -> HashMap<u32, u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, status(pid, "PPid:")?.try_into().ok()?))
        })
        .collect()
}

/// The number in a line of `/proc/<pid>/status`.
fn status(pid: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The name of the function that a process runs, without that of the stack.
fn function(pid: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let name = environment
        .split(|byte| *byte == 0)
        .find_map(|pair| pair.strip_prefix(b"AWS_LAMBDA_FUNCTION_NAME="))?;
    let name = String::from_utf8_lossy(name).into_owned();
    Some(name.split_once('-').map_or(name.clone(), |(_, function)| function.to_owned()))
}

fn add(found: &mut BTreeMap<String, Process>, name: String, pid: u32) {
    let Some(memory_kb) = status(pid, "VmRSS:") else { return };
    let files = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    let process = found.entry(name).or_default();
    process.count += 1;
    process.memory_kb += memory_kb;
    process.files += files as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_open_files() {
        let found = processes(Path::new("/nowhere"));
        let own = found["traffic"];
        assert_eq!(found.len(), 1);
        assert!(own.count == 1 && own.memory_kb > 500 && own.files > 2, "{own:?}");
    }
}
