//! How memory and open files of processes change during a run.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::{Process, Usage};

/// The fewest samples in which growth means anything.
const ENOUGH: usize = 8;

/// What one process of a name uses on average, early and late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// The name of the processes.
    pub name: String,
    /// In the second quarter of the run, since the first one warms up.
    pub early: Mean,
    /// In the last quarter.
    pub late: Mean,
}

/// What one process uses on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mean {
    /// Resident memory in KiB.
    pub memory_kb: u64,
    /// Open files and sockets.
    pub files: u64,
}

/// The growth of each process that ran early and late. Empty if there are too few samples.
#[must_use]
pub fn of(usage: &[Usage]) -> Vec<Growth> {
    if usage.len() < ENOUGH {
        return Vec::new();
    }
    let quarter = usage.len() / 4;
    let early = usage.iter().skip(quarter).take(quarter);
    let late = usage.iter().skip(usage.len() - quarter);
    let names: BTreeSet<&String> = late.clone().flat_map(|usage| usage.processes.keys()).collect();
    let growth = |name: &String| {
        let of = |usage: &Usage| usage.processes.get(name).copied();
        let (early, late) = (early.clone().filter_map(of), late.clone().filter_map(of));
        Some(Growth { name: name.clone(), early: mean(early)?, late: mean(late)? })
    };
    names.into_iter().filter_map(growth).collect()
}

fn mean(samples: impl Iterator<Item = Process>) -> Option<Mean> {
    let (mut count, mut memory_kb, mut files) = (0, 0, 0);
    for sample in samples {
        count += sample.count;
        memory_kb += sample.memory_kb;
        files += sample.files;
    }
    Some(Mean { memory_kb: memory_kb.checked_div(count)?, files: files.checked_div(count)? })
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, early, late } = self;
        write!(
            f,
            "{name}: {:.1} to {:.1} MiB, {} to {} open files",
            mebibytes(early.memory_kb),
            mebibytes(late.memory_kb),
            early.files,
            late.files
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "processes use far less than 2^52 KiB")]
fn mebibytes(kb: u64) -> f64 {
    kb as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(at: u64, processes: &[(&str, Process)]) -> Usage {
        let processes = processes.iter().map(|(name, it)| ((*name).to_owned(), *it)).collect();
        Usage { at_us: at * 1_000_000, connections: 20, processes }
    }

    #[test]
    fn growth_is_of_one_process_and_from_the_second_quarter_to_the_last() {
        let process = |at| Process { count: 2, memory_kb: 2048 * (at + 1), files: 20 + at };
        let all: Vec<Usage> = (0..8).map(|at| usage(at, &[("console", process(at))])).collect();
        let found = of(&all);
        assert_eq!(found.len(), 1);
        let line = found[0].to_string();
        assert_eq!(line, "console: 3.5 to 7.5 MiB, 11 to 13 open files");
        assert_eq!(of(&all[..7]), []);
    }

    #[test]
    fn a_process_that_ran_only_late_has_no_growth() {
        let late = [("console", Process { count: 1, memory_kb: 1, files: 1 })];
        let all: Vec<Usage> =
            (0..8).map(|at| usage(at, if at > 5 { &late } else { &[] })).collect();
        assert_eq!(of(&all), []);
    }
}
