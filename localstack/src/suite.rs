//! `make test`: runs everything that CI runs, on a separate stack that is deleted afterwards.

use std::io::IsTerminal as _;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::oneshot;
use waybill_ops::aws::Aws;
use waybill_ops::bootstraps::Profile;
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::process::Job;
use waybill_ops::tools::Tools;
use waybill_ops::{reconcile, ui};

use crate::config::Config;
use crate::stack::{Kind, Stack};
use crate::{deploy, leaks};

/// The adapter tests need servers, so plain `cargo test` skips them.
const FEATURES: [&str; 2] = ["--features", "waybill/adapter-tests"];

/// Runs all checks and tests, and prints a summary. Returns whether all passed.
///
/// # Errors
/// If the tools can't be installed, or the stack can't be deleted.
pub(crate) async fn run(config: &Config) -> Result<bool> {
    // A killed run may have left a stack.
    Stack::take(config, Kind::Test)?.delete()?;
    let mut stack = Stack::take(config, Kind::Test)?;
    let tools = Tools::install(&config.common).await?;
    let mut broken = check(config, &tools).await;
    let mut counts = Counts::default();
    match provision(config, &mut stack, Profile::Dev).await {
        Ok((aws, env)) => {
            // Tests wait much, so the slow checks run beside them. Both need cargo's lock while they
            // compile.
            let (compiled, ready) = oneshot::channel();
            let (tested, failed) = tokio::join!(
                test(config, &aws, &env, Tests::All, Some(compiled)),
                check_meanwhile(config, ready)
            );
            counts = tested?;
            broken.extend(failed);
            // The level of distributed databases that speak Postgres's protocol.
            counts += test(config, &aws, &env, Tests::AdaptersAtRepeatableRead, None).await?;
            counts += test(config, &aws, &env, Tests::AdaptersInOneProcess, None).await?;
            // After the tests, because it changes their data.
            for (who, token) in [("a customer's", "TOKEN"), ("a staff", "STAFF_TOKEN")] {
                let as_described = conform(config, &tools, &stack, &env, who, token).await;
                counts.add_one(as_described.unwrap_or_else(|error| {
                    ui::failure(&error);
                    false
                }));
            }
            // Last, because both check everything before them.
            ui::step("Reconciling stock and orders of the test stack");
            let adds_up = reconcile::adds_up(&config.common, env.get("DATABASE_URL")?).await;
            counts.add_one(adds_up.unwrap_or_else(|error| {
                ui::failure(&error);
                false
            }));
            ui::step("Searching the logs for names, tokens and secrets");
            match leaks::search(&aws, &env).await {
                Ok(searched) => {
                    ui::line(searched);
                    counts.passed += 1;
                }
                Err(error) => {
                    ui::failure(&error);
                    broken.push("the search of the logs".to_owned());
                }
            }
        }
        Err(error) => {
            ui::failure(&error);
            broken.push("the test stack did not start (no tests ran): make up".to_owned());
        }
    }
    ui::step("Stopping and deleting the test stack");
    stack.delete()?;
    if broken.is_empty() {
        ui::line("All checks passed: format, clippy, documentation, template, logs.");
    }
    for what in &broken {
        ui::line(format!("FAILED: {what}"));
    }
    counts.failed += u32::try_from(broken.len()).unwrap_or(u32::MAX);
    ui::line(counts.summary());
    Ok(counts.failed == 0)
}

/// Runs the tests of an order's path, with the functions compiled as they are for AWS. Returns whether
/// all passed.
///
/// # Errors
/// If the stack does not start, or can't be deleted.
pub(crate) async fn run_release(config: &Config) -> Result<bool> {
    Stack::take(config, Kind::Test)?.delete()?;
    let mut stack = Stack::take(config, Kind::Test)?;
    let (aws, env) = provision(config, &mut stack, Profile::Release).await?;
    let mut counts = test(config, &aws, &env, Tests::PathOfAnOrder, None).await?;
    counts.add_one(reconcile::adds_up(&config.common, env.get("DATABASE_URL")?).await?);
    stack.delete()?;
    ui::line(counts.summary());
    Ok(counts.failed == 0)
}

/// Runs the checks that are quick and need no stack. Returns the commands that failed.
async fn check(config: &Config, tools: &Tools) -> Vec<String> {
    let mut format = Command::new("cargo");
    format.args(["fmt", "--all", "--check"]);
    let mut template = tools.sam();
    template.args(["validate", "--lint", "--template-file", "template.yaml"]);
    template.args(["--region", &config.common.region]);
    let checks =
        [("cargo fmt --all --check", format), (".local/tools/bin/sam validate --lint", template)];
    let mut broken = Vec::new();
    for (name, mut command) in checks {
        ui::step(name);
        let passed = match Job::spawn(command.current_dir(&config.common.root)) {
            Ok(mut job) => job.wait().await.is_ok_and(|status| status.success()),
            Err(error) => {
                ui::failure(&error);
                false
            }
        };
        if !passed {
            broken.push(name.to_owned());
        }
    }
    broken
}

/// Runs the checks that compile everything, as soon as the tests are compiled. Prints what a failed one
/// wrote. Returns the commands that failed.
async fn check_meanwhile(config: &Config, compiled: oneshot::Receiver<()>) -> Vec<String> {
    // An error means that the tests did not compile, and this will say why once more.
    let _ = compiled.await;
    let mut clippy = Command::new("cargo");
    clippy.args(["clippy", "--workspace", "--all-targets"]).args(FEATURES);
    clippy.args(["--", "-D", "warnings"]);
    let mut documentation = Command::new("cargo");
    documentation.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    let mut broken = Vec::new();
    for (name, mut command) in [
        ("cargo clippy --workspace --all-targets -- -D warnings", clippy),
        ("RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps", documentation),
    ] {
        ui::step(format!("Beside the tests: {name}"));
        let written = match written_by(command.current_dir(&config.common.root)).await {
            Ok(None) => continue,
            Ok(Some(lines)) => lines.join("\n"),
            Err(error) => error.to_string(),
        };
        ui::step(format!("FAILED: {name}"));
        ui::line(written);
        broken.push(name.to_owned());
    }
    broken
}

/// Runs a command. Returns what it wrote, if it failed.
async fn written_by(command: &mut Command) -> Result<Option<Vec<String>>> {
    let mut job = Job::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let mut lines = job.lines().ok_or_else(|| Error::new("A command has no output."))?;
    let mut written = Vec::new();
    while let Some(line) = lines.recv().await {
        written.push(line);
    }
    Ok((!job.wait().await?.success()).then_some(written))
}

/// Starts a new stack. Returns its variables and one more for tests that create databases.
async fn provision(config: &Config, stack: &mut Stack, profile: Profile) -> Result<(Aws, EnvFile)> {
    ui::step("Compiling the functions and starting the test stack");
    let (tools, to) = deploy::prepare(config, stack, profile).await?;
    let mut env = deploy::deploy(config, &tools, stack, &to).await?.env;
    let server = env.get("DATABASE_URL")?.replace("/waybill?", "/postgres?");
    env.0.insert("TEST_DATABASE_URL".to_owned(), server);
    Ok((to.aws, env))
}

/// The modules of the adapter tests in which many compete.
const COMPETING: [&str; 8] = [
    "batches::",
    "changes::",
    "contention::",
    "idempotency::",
    "model::",
    "notifications::",
    "orders::",
    "oversell::",
];

/// The end-to-end tests of an order's path: placed, read, listed, confirmed, changed, relayed.
const PATH: [&str; 5] = ["orders", "lists", "fulfillment", "lifecycle", "events"];

/// Which tests to run. All use the same features, so everything is compiled once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tests {
    /// Every test of the workspace.
    All,
    /// The adapter tests again, with every transaction at REPEATABLE READ.
    AdaptersAtRepeatableRead,
    /// Those of them in which many compete, as one process that handles several invocations at once.
    AdaptersInOneProcess,
    /// Those of [`PATH`].
    PathOfAnOrder,
}

/// Runs tests and counts them. Tells `compiled` once the first one runs.
async fn test(
    config: &Config,
    aws: &Aws,
    env: &EnvFile,
    tests: Tests,
    mut compiled: Option<oneshot::Sender<()>>,
) -> Result<Counts> {
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-fail-fast"]);
    match tests {
        Tests::All => ui::step("cargo test --workspace"),
        Tests::AdaptersAtRepeatableRead => {
            ui::step("The adapter tests again, at REPEATABLE READ");
            command.args(["--test", "adapters"]).env("TEST_ISOLATION", "repeatable read");
        }
        Tests::AdaptersInOneProcess => {
            ui::step("The adapter tests in which many compete again, as one process");
            command.args(["--test", "adapters"]).env("TEST_CONNECTIONS", "8");
        }
        Tests::PathOfAnOrder => {
            ui::step("The tests of an order's path, with the functions as for AWS");
            command.args(PATH.iter().flat_map(|name| ["--test", name]));
        }
    }
    command.args(FEATURES);
    if tests == Tests::AdaptersInOneProcess {
        command.arg("--").args(COMPETING);
    }
    command.current_dir(&config.common.root).envs(&env.0).stdout(Stdio::piped());
    aws.point(&mut command);
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut job = Job::spawn(&mut command)?;
    let out = job.stdout().ok_or_else(|| Error::new("cargo test has no output."))?;
    let mut lines = BufReader::new(out).lines();
    let mut counts = Counts::default();
    while let Some(line) =
        lines.next_line().await.context(|| "Failed to read the output of cargo test.")?
    {
        if let Some(compiled) = compiled.take() {
            // Nobody may be waiting.
            let _ = compiled.send(());
        }
        ui::line(&line);
        counts.add(&line);
    }
    // There is no result line if a test does not compile or its process dies.
    if !job.wait().await?.success() {
        counts.failed = counts.failed.max(1);
    }
    Ok(counts)
}

/// Runs Schemathesis with one token: does the API answer as described, and refuse what it should?
/// Returns whether it does. `schemathesis.toml` has the settings.
async fn conform(
    config: &Config,
    tools: &Tools,
    stack: &Stack,
    env: &EnvFile,
    who: &str,
    token: &str,
) -> Result<bool> {
    ui::step(format!("schemathesis with {who} token"));
    let api_url = env.get("API_URL")?;
    let mut command = tools.command("schemathesis");
    command
        .arg("--config-file")
        .arg(config.common.root.join("localstack/schemathesis.toml"))
        .arg("run")
        .args([&format!("{api_url}/openapi.json"), "--url", api_url])
        .env("WAYBILL_TOKEN", env.get(token)?)
        // Its files are deleted with the stack.
        .current_dir(&stack.dir);
    Ok(Job::spawn(&mut command)?.wait().await?.success())
}

/// The counts of tests.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
    }
}

impl Counts {
    /// Adds a line of the form
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) =
            line.split_once("test result: ").and_then(|it| it.1.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else { continue };
            let number: u32 = number.parse().unwrap_or_default();
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    fn add_one(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    fn summary(self) -> String {
        let skipped = match self.ignored {
            0 => String::new(),
            ignored => format!(", {ignored} skipped"),
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_result_lines_are_added_up() {
        let output = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
    3 passed
test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.2s";
        let mut counts = Counts::default();
        output.lines().for_each(|line| counts.add(line));
        assert_eq!(counts, Counts { passed: 13, failed: 2, ignored: 1 });
        assert_eq!(counts.summary(), "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn skipped_tests_are_mentioned_only_if_there_are_any() {
        assert_eq!(Counts { passed: 1, ..Counts::default() }.summary(), "1 passed, 0 failed");
    }
}
