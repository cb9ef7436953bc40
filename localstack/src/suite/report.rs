//! What checks and tests come to. What a failed one wrote is printed, and of tests that passed one line.

use std::process::Stdio;

use tokio::process::Command;
use waybill_ops::error::{Error, Result};
use waybill_ops::process::Child;
use waybill_ops::ui;

use super::programs::Program;

/// What a command wrote: `Err` if it failed.
pub(super) type Written = Result<String, String>;

/// How many tests passed, failed and were left out, and which checks and programs of tests failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    passed: usize,
    failed: usize,
    ignored: usize,
    broken: Vec<String>,
}

/// Runs a program of tests.
pub(super) async fn of_tests(program: &Program, command: &mut Command) -> Report {
    match written_by(command).await {
        Ok(Ok(written)) => {
            let report = Report::counted(&written);
            // Many a library has none.
            if report != Report::default() {
                let results = written.lines().filter(|line| line.starts_with("test result: "));
                let results: Vec<_> = results.collect();
                ui::step(format!("{program}: {}", results.join(" ")));
            }
            report
        }
        Ok(Err(written)) => {
            let mut report = Report::counted(&written);
            // There is no result line if its process dies.
            report.failed = report.failed.max(1);
            report.add_broken(program.to_string(), &written);
            report
        }
        Err(error) => Report::of(program.to_string(), Err(error)),
    }
}

/// Runs a command, and returns what it wrote.
///
/// # Errors
/// If it can't be run.
pub(super) async fn written_by(command: &mut Command) -> Result<Written> {
    let mut child = Child::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let mut lines = child.lines().ok_or_else(|| Error::new("A command has no output."))?;
    let mut written = Vec::new();
    while let Some(line) = lines.recv().await {
        written.push(line);
    }
    let written = written.join("\n");
    Ok(if child.wait().await?.success() { Ok(written) } else { Err(written) })
}

impl Report {
    /// The report of a check.
    pub(super) fn of(name: impl Into<String>, outcome: Result<Written>) -> Self {
        let name = name.into();
        let written = match outcome {
            Ok(Ok(_)) => {
                ui::step(format!("{name}: ok"));
                return Self { passed: 1, ..Self::default() };
            }
            Ok(Err(written)) => written,
            Err(error) => {
                ui::failure(&error);
                String::new()
            }
        };
        let mut report = Self { failed: 1, ..Self::default() };
        report.add_broken(name, &written);
        report
    }

    /// Prints what a check or a program of tests wrote that failed, and remembers its name.
    fn add_broken(&mut self, name: String, written: &str) {
        ui::step(format!("FAILED: {name}"));
        ui::line(written);
        self.broken.push(name);
    }

    /// The counts in what a program of tests wrote: the numbers of lines of the form
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
    fn counted(written: &str) -> Self {
        let mut report = Self::default();
        for line in written.lines() {
            let counts = line.strip_prefix("test result: ").and_then(|it| it.split_once(". "));
            for count in counts.into_iter().flat_map(|(_, counts)| counts.split("; ")) {
                let Some((number, what)) = count.split_once(' ') else { continue };
                let number: usize = number.parse().unwrap_or_default();
                match what {
                    "passed" => report.passed += number,
                    "failed" => report.failed += number,
                    "ignored" => report.ignored += number,
                    _ => {}
                }
            }
        }
        report
    }

    /// Counts tests as left out that passed because they had nothing to do, and prints their reasons, a
    /// line each.
    pub(super) fn leave_out(&mut self, reasons: &str) {
        let tests = reasons.lines().count();
        if tests > 0 {
            ui::step(format!("{tests} tests were left out"));
            ui::line(reasons.trim_end());
        }
        self.passed = self.passed.saturating_sub(tests);
        self.ignored += tests;
    }

    /// Prints what failed and the counts. Returns whether nothing failed.
    pub(super) fn print(&self) -> bool {
        if self.broken.is_empty() {
            ui::line("Nothing failed.");
        }
        for what in &self.broken {
            ui::line(format!("FAILED: {what} (what it wrote is above)"));
        }
        ui::line(self.summary());
        self.failed == 0
    }

    fn summary(&self) -> String {
        let skipped = match self.ignored {
            0 => String::new(),
            ignored => format!(", {ignored} skipped"),
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
        self.broken.extend(more.broken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(passed: usize, failed: usize, ignored: usize) -> Report {
        Report { passed, failed, ignored, broken: Vec::new() }
    }

    #[test]
    fn only_result_lines_are_counted() {
        let written = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
    3 passed
test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.2s";
        let counted = Report::counted(written);
        assert_eq!(counted, report(13, 2, 1));
        assert_eq!(counted.summary(), "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn a_test_that_was_left_out_counts_as_skipped() {
        let mut counted = report(5, 1, 1);
        counted.leave_out("one: no browser\ntwo: no browser\n");
        assert_eq!(counted, report(3, 1, 3));
    }

    #[test]
    fn skipped_tests_are_mentioned_only_if_there_are_any() {
        assert_eq!(report(1, 0, 0).summary(), "1 passed, 0 failed");
    }

    #[test]
    fn what_failed_is_remembered_and_whatever_passed_counts_as_one() {
        let mut all = Report::of("a check", Ok(Ok("fine".to_owned())));
        all += Report::of("another", Ok(Err("line 3 is wrong".to_owned())));
        all += Report::of("a third", Err(Error::new("It is not installed.")));
        assert_eq!(all.summary(), "1 passed, 2 failed");
        assert_eq!(all.broken, ["another", "a third"]);
        assert!(!all.print());
    }

    #[tokio::test]
    async fn what_a_command_wrote_is_told_with_whether_it_failed() {
        let run = async |script| written_by(Command::new("sh").args(["-c", script])).await.unwrap();
        assert_eq!(run("echo one; exit 0").await, Ok("one".to_owned()));
        assert_eq!(run("echo two; exit 1").await, Err("two".to_owned()));
        assert!(written_by(&mut Command::new("/nonexistent")).await.is_err());
    }
}
