//! `make test` and `make lint`: runs everything that CI runs. Tests have stacks of their own, which are
//! deleted afterwards.
//!
//! Tests wait much, so four things run at the same time: the tests of a deployed stack, traffic on
//! another, the tests that need no functions, and the tests on the stand-in for Aurora DSQL.

use std::fs;
use std::path::PathBuf;

use testkit::left_out::LEFT_OUT;
use waybill_ops::aws::Aws;
use waybill_ops::bootstraps::{self, Profile};
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Error, Result};
use waybill_ops::tools::Tools;
use waybill_ops::{reconcile, ui};

use crate::config::{Config, Engine};
use crate::stack::{Endpoints, Kind, Stack};
use crate::{deploy, leaks, watch};

mod lint;
mod programs;
mod report;

use programs::Program;
use report::Report;

/// The end-to-end tests that need Postgres and the emulator, but no functions deployed: they start their
/// own.
const WITHOUT_FUNCTIONS: [&str; 2] = ["crashes", "template"];

/// The end-to-end tests that have a stack of their own: a verdict is about all orders of a stack, and the
/// load would slow the tests beside it.
const UNDER_LOAD: [&str; 1] = ["traffic"];

/// Functions that traffic uses, whatever its mode.
const USED_BY_TRAFFIC: [&str; 3] = ["create-order", "fulfill-order", "get-order"];

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

/// The end-to-end tests that run on the stand-in, too: those about statements and how they fail. The others
/// are about HTTP, tokens, queues and tools.
const ON_STAND_IN: [&str; 8] = [
    "crashes",
    "events",
    "fulfillment",
    "lifecycle",
    "lists",
    "orders",
    "ownership",
    "put_product",
];

/// The end-to-end tests of an order's path: placed, read, listed, confirmed, changed, relayed.
const PATH: [&str; 5] = ["events", "fulfillment", "lifecycle", "lists", "orders"];

/// Checks the format, the template, the SQL, the code and its documentation. Returns whether all of it is
/// in order.
///
/// # Errors
/// If the tools can't be installed.
pub(crate) async fn lint(config: &Config) -> Result<bool> {
    let tools = Tools::install(&config.common).await?;
    Ok(lint::run(config, &tools).await?.print())
}

/// Runs all tests, and prints a summary. Returns whether all passed.
///
/// # Errors
/// If something does not compile, or a stack can't be started or deleted.
pub(crate) async fn run(config: &Config) -> Result<bool> {
    // Both databases are tested, whatever `make up` is told to use.
    let on_postgres = &Config { engine: Engine::Postgres, ..config.clone() };
    let on_stand_in = &Config { engine: Engine::Dsql, ..config.clone() };
    let tools = Tools::install(&config.common).await?;
    ui::step("Compiling the functions and the tests, and starting three test stacks");
    // The other two have nothing to compile.
    let main = Prepared::new(on_postgres, Kind::Test, Profile::Dev).await?;
    let loaded = Prepared::new(on_postgres, Kind::TestOfTraffic, Profile::Dev).await?;
    let other = Prepared::new(on_stand_in, Kind::TestOnStandIn, Profile::Dev).await?;
    let (programs, main, loaded, other) = tokio::try_join!(
        programs::compile(config),
        main.deploy(),
        loaded.deploy(),
        other.deploy()
    )?;
    ui::step(format!("Running {} programs of tests (about 5 minutes)", programs.len()));
    let (with_functions, without_functions, under_load, on_stand_in) = tokio::join!(
        test_with_functions(&main, &programs, &tools),
        test_without_functions(&main, &programs),
        test_under_load(&loaded, &programs),
        test_on_stand_in(&other, &programs),
    );
    let mut report = Report::default();
    for sequence in [with_functions, without_functions, under_load, on_stand_in] {
        report += sequence;
    }
    for stack in [&main, &loaded, &other] {
        report.leave_out(&stack.left_out());
    }
    ui::step("Stopping and deleting the test stacks");
    for stack in [main, loaded, other] {
        stack.stack.delete()?;
    }
    Ok(report.print())
}

/// Runs the tests of an order's path, with the functions compiled as they are for AWS. Returns whether
/// all passed.
///
/// # Errors
/// If something does not compile, or the stack can't be started or deleted.
pub(crate) async fn run_release(config: &Config) -> Result<bool> {
    Box::pin(run_some(config, Profile::Release, |program| program.is_end_to_end(&PATH))).await
}

/// Runs the programs of tests with this in their names, on the database that `DATABASE` names. Returns
/// whether all passed.
///
/// # Errors
/// If there is none, something does not compile, or the stack can't be started or deleted.
pub(crate) async fn run_only(config: &Config, name: &str) -> Result<bool> {
    Box::pin(run_some(config, Profile::Dev, |program| program.to_string().contains(name))).await
}

async fn run_some(
    config: &Config,
    profile: Profile,
    is_chosen: impl Fn(&Program) -> bool,
) -> Result<bool> {
    ui::step("Compiling the functions and the tests, and starting a test stack");
    let programs = programs::compile(config).await?;
    let chosen: Vec<_> = programs.iter().filter(|program| is_chosen(program)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = programs.iter().map(ToString::to_string).collect();
        return Err(Error::new(format!(
            "No program of tests has that name. There are: {}.",
            names.join(", ")
        )));
    }
    let stack = Prepared::new(config, Kind::Test, profile).await?.deploy().await?;
    let mut report = Report::default();
    for program in chosen {
        report += stack.run(program).await;
    }
    report += stack.reconcile().await;
    report.leave_out(&stack.left_out());
    stack.stack.delete()?;
    Ok(report.print())
}

/// Where a program of tests runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sequence {
    WithFunctions,
    UnderLoad,
    WithoutFunctions,
}

impl Sequence {
    fn of(program: &Program) -> Self {
        if !program.is_of_end_to_end() || program.is_end_to_end(&WITHOUT_FUNCTIONS) {
            Self::WithoutFunctions
        } else if program.is_end_to_end(&UNDER_LOAD) {
            Self::UnderLoad
        } else {
            Self::WithFunctions
        }
    }
}

/// The tests of a deployed stack, one program after another, because some start faults in it. Then what
/// checks everything before it.
async fn test_with_functions(stack: &TestStack<'_>, programs: &[Program], tools: &Tools) -> Report {
    let mut report = stack.run_all(programs, Sequence::WithFunctions).await;
    let (customer, staff) =
        tokio::join!(stack.conforms(tools, "TOKEN"), stack.conforms(tools, "STAFF_TOKEN"));
    report += Report::of("schemathesis with a customer's token", customer);
    report += Report::of("schemathesis with a staff token", staff);
    report += stack.reconcile().await;
    report += stack.search_logs(bootstraps::functions(&stack.config.common)).await;
    report
}

/// The tests that put a stack under load, and `make watch`.
async fn test_under_load(stack: &TestStack<'_>, programs: &[Program]) -> Report {
    let mut report = stack.run_all(programs, Sequence::UnderLoad).await;
    report += stack.reconcile().await;
    report += stack.search_logs(Ok(USED_BY_TRAFFIC.map(str::to_owned).into())).await;
    report += Report::of("make watch", Box::pin(watch::prove(stack.config)).await);
    report
}

/// The tests that need no deployed functions.
async fn test_without_functions(stack: &TestStack<'_>, programs: &[Program]) -> Report {
    let mut report = stack.run_all(programs, Sequence::WithoutFunctions).await;
    // Once more as one process that handles several invocations at once.
    for program in programs.iter().filter(|program| program.is_adapters()) {
        let competing = program.with(&COMPETING, Some(("TEST_CONNECTIONS", "8")), "in one process");
        report += stack.run(&competing).await;
    }
    report
}

/// The tests of what touches the database once more, on the stand-in for Aurora DSQL.
async fn test_on_stand_in(stack: &TestStack<'_>, programs: &[Program]) -> Report {
    let mut report = Report::default();
    for program in programs {
        if program.is_adapters() || program.is_end_to_end(&ON_STAND_IN) {
            report += stack.run(&program.with(&[], None, "on the stand-in")).await;
        }
    }
    report += stack.reconcile().await;
    report
}

/// A stack that runs, before anything is deployed to it.
struct Prepared<'a> {
    config: &'a Config,
    stack: Stack,
    tools: Tools,
    to: Endpoints,
}

impl<'a> Prepared<'a> {
    /// Compiles the functions and starts a new stack.
    async fn new(config: &'a Config, kind: Kind, profile: Profile) -> Result<Self> {
        // A killed run may have left one.
        Stack::take(config, kind)?.delete()?;
        let mut stack = Stack::take(config, kind)?;
        let (tools, to) = deploy::prepare(config, &mut stack, profile).await?;
        Ok(Self { config, stack, tools, to })
    }

    async fn deploy(self) -> Result<TestStack<'a>> {
        let Self { config, stack, tools, to } = self;
        let mut env = deploy::deploy(config, &tools, &stack, &to).await?.env;
        // For tests that create databases.
        let server = env.get("DIRECT_DATABASE_URL")?.replace("/waybill?", "/postgres?");
        env.0.insert("TEST_DATABASE_URL".to_owned(), server);
        Ok(TestStack { config, stack, aws: to.aws, env })
    }
}

/// A stack to test.
struct TestStack<'a> {
    config: &'a Config,
    stack: Stack,
    aws: Aws,
    env: EnvFile,
}

impl TestStack<'_> {
    /// Runs a program of tests with the stack's variables.
    async fn run(&self, program: &Program) -> Report {
        let mut command = program.command();
        command.envs(&self.env.0).env(LEFT_OUT, self.record_of_left_out());
        self.aws.point(&mut command);
        report::of_tests(program, &mut command).await
    }

    /// The tests that were left out, a line each.
    fn left_out(&self) -> String {
        fs::read_to_string(self.record_of_left_out()).unwrap_or_default()
    }

    /// The file that tests write to when they are left out.
    fn record_of_left_out(&self) -> PathBuf {
        self.stack.dir.join("left-out")
    }

    /// Runs Schemathesis with a token: does the API answer as described, and refuse what it should?
    /// `schemathesis.toml` has the settings.
    async fn conforms(&self, tools: &Tools, token: &str) -> Result<report::Written> {
        let api_url = self.env.get("API_URL")?;
        let mut command = tools.command("schemathesis");
        command
            .arg("--config-file")
            .arg(self.config.common.root.join("localstack/schemathesis.toml"))
            .arg("run")
            .args([&format!("{api_url}/openapi.json"), "--url", api_url])
            .env("WAYBILL_TOKEN", self.env.get(token)?)
            // Its files are deleted with the stack.
            .current_dir(&self.stack.dir);
        report::written_by(&mut command).await
    }

    /// Runs the programs of a sequence.
    async fn run_all(&self, programs: &[Program], sequence: Sequence) -> Report {
        let mut report = Report::default();
        for program in programs.iter().filter(|program| Sequence::of(program) == sequence) {
            report += self.run(program).await;
        }
        report
    }

    /// Searches the logs for what functions must not log. The functions `used` must have logged something.
    async fn search_logs(&self, used: Result<Vec<String>>) -> Report {
        let searched = async { leaks::search(&self.aws, &self.env, &used?).await }.await;
        if let Ok(summary) = &searched {
            ui::line(summary);
        }
        Report::of("the search of the logs for names, tokens and secrets", searched.map(Ok))
    }

    /// Checks that stock and orders add up.
    async fn reconcile(&self) -> Report {
        let adds_up = reconcile::adds_up(&self.config.common, &self.env).await;
        let differences = || "The differences are above.".to_owned();
        let written = adds_up.map(|adds_up| adds_up.then(String::new).ok_or_else(differences));
        Report::of("make reconcile", written)
    }
}
