//! The processes of the functions, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The processes of one function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Processes {
    /// How many run.
    pub(crate) count: usize,
    /// Their resident memory together, in KiB.
    pub(crate) memory_kib: u64,
}

/// The processes that an emulator has started, by function.
pub(crate) fn of_emulator(endpoint: &str, stack: &str) -> BTreeMap<String, Processes> {
    in_folder(Path::new("/proc"), endpoint, stack)
}

fn in_folder(proc: &Path, endpoint: &str, stack: &str) -> BTreeMap<String, Processes> {
    let mut found = BTreeMap::<String, Processes>::new();
    let folders = fs::read_dir(proc).into_iter().flatten().flatten();
    for folder in folders.map(|entry| entry.path()) {
        let Some((function, memory_kib)) = function(&folder, endpoint, stack) else { continue };
        let processes = found.entry(function).or_default();
        processes.count += 1;
        processes.memory_kib += memory_kib;
    }
    found
}

/// The function that runs in a process of this emulator, and its memory.
fn function(process: &Path, endpoint: &str, stack: &str) -> Option<(String, u64)> {
    if fs::read_to_string(process.join("comm")).ok()?.trim() != "bootstrap" {
        return None;
    }
    let environment = fs::read(process.join("environ")).ok()?;
    let variable = |name: &str| {
        environment
            .split(|byte| *byte == 0)
            .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    };
    // Other stacks may run on this machine.
    if variable("AWS_ENDPOINT_URL") != Some(endpoint) {
        return None;
    }
    let name = variable("AWS_LAMBDA_FUNCTION_NAME")?;
    let name = name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')).unwrap_or(name);
    Some((name.to_owned(), resident_kib(&fs::read_to_string(process.join("status")).ok()?)?))
}

/// `VmRSS:      3584 kB`
fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_functions_of_the_emulator_are_counted() {
        let proc = std::env::temp_dir().join(format!("waybill-proc-{}", uuid::Uuid::new_v4()));
        let process = |id: u32, comm: &str, function: &str, endpoint: &str| {
            let folder = proc.join(id.to_string());
            fs::create_dir_all(&folder).unwrap();
            let environment =
                format!("A=1\0AWS_LAMBDA_FUNCTION_NAME={function}\0AWS_ENDPOINT_URL={endpoint}\0");
            fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
            fs::write(folder.join("environ"), environment).unwrap();
            fs::write(folder.join("status"), "Name:\tx\nVmRSS:\t    2048 kB\n").unwrap();
        };
        process(1, "bootstrap", "waybill-create-order", "http://here");
        process(2, "bootstrap", "waybill-create-order", "http://here");
        process(3, "bootstrap", "waybill-create-order", "http://elsewhere");
        process(4, "python3", "waybill-create-order", "http://here");
        fs::create_dir_all(proc.join("self")).unwrap();
        let found = in_folder(&proc, "http://here", "waybill");
        fs::remove_dir_all(&proc).unwrap();
        let expected = Processes { count: 2, memory_kib: 4096 };
        assert_eq!(found, [("create-order".to_owned(), expected)].into());
    }
}
