//! Memory, open files and connections don't grow while traffic is steady.

use crate::growth::{self, Growth};
use crate::history::Usage;

use super::Notes;

/// How much a process may grow from the second quarter of a run to its last, per process.
struct Limit {
    name: &'static str,
    memory_kb: u64,
    files: u64,
}

/// The emulator keeps all log lines, queues and functions' environments in memory, so its limit is wide.
/// The proxies of faults have two sockets for each connection.
const LIMITS: [Limit; 3] = [
    Limit { name: "emulator", memory_kb: 512 * 1024, files: 256 },
    Limit { name: "faults", memory_kb: 16 * 1024, files: 360 },
    Limit { name: "", memory_kb: 16 * 1024, files: 16 },
];

/// The most connections to Postgres: what the functions may open, below the 200 of a local stack.
const CONNECTIONS: i64 = 180;

pub(super) fn check(usage: &[Usage], notes: &mut Notes) {
    let most = usage.iter().map(|usage| usage.connections).max().unwrap_or_default();
    if most > CONNECTIONS {
        notes.finding("growth", format!("{most} connections to Postgres were open at once"));
    }
    for Growth { name, early, late } in growth::of(usage) {
        let limit = LIMITS.iter().find(|limit| name.starts_with(limit.name));
        let Some(limit) = limit else { continue };
        for (what, before, after, limit) in [
            ("KiB of memory", early.memory_kb, late.memory_kb, limit.memory_kb),
            ("open files", early.files, late.files, limit.files),
        ] {
            if after > before + limit {
                notes.finding("growth", format!("{name} grew from {before} to {after} {what}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Process;

    fn usage(count: u64, process: impl Fn(u64) -> (&'static str, Process)) -> Vec<Usage> {
        let usage = |at| {
            let (name, process) = process(at);
            let processes = [(name.to_owned(), process)].into();
            Usage { at_us: at * 1_000_000, connections: 20, processes }
        };
        (0..count).map(usage).collect()
    }

    fn found(usage: &[Usage]) -> Vec<String> {
        let mut notes = Notes::default();
        check(usage, &mut notes);
        notes.findings.remove("growth").unwrap_or_default()
    }

    #[test]
    fn a_leak_of_memory_or_of_files_is_named() {
        let leaks = |at| Process { count: 1, memory_kb: 8_000 + at * 1_000, files: 10 };
        let found_memory = found(&usage(40, |at| ("function create-order", leaks(at))));
        assert!(found_memory[0].contains("create-order grew"), "{found_memory:?}");
        let leaks = |at| Process { count: 1, memory_kb: 8_000, files: 10 + at };
        let found_files = found(&usage(40, |at| ("traffic", leaks(at))));
        assert!(found_files[0].contains("open files"), "{found_files:?}");
    }

    #[test]
    fn the_proxies_may_have_more_connections_but_not_without_end() {
        let more = |each| {
            let files = move |at| Process { count: 1, memory_kb: 16_000, files: 30 + each * at };
            found(&usage(40, |at| ("faults", files(at))))
        };
        assert_eq!(more(2), Vec::<String>::new());
        assert!(more(20)[0].contains("faults grew"));
    }

    #[test]
    fn more_processes_of_the_same_size_are_no_growth() {
        let more = |at| Process { count: at + 1, memory_kb: (at + 1) * 7_000, files: (at + 1) * 9 };
        assert_eq!(found(&usage(40, |at| ("function get-order", more(at)))), Vec::<String>::new());
    }

    #[test]
    fn too_many_connections_are_named_even_in_a_short_run() {
        let mut usage = usage(2, |_| ("traffic", Process { count: 1, memory_kb: 1, files: 1 }));
        usage[1].connections = CONNECTIONS + 1;
        assert!(found(&usage)[0].contains("connections"));
    }
}
