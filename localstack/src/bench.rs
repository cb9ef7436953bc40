//! `make bench`: what the service adds to its statements, what a function adds to the Lambda runtime,
//! what the largest responses cost, and how fast the relay is.

use tokio::process::Command;
use waybill_ops::error::Result;
use waybill_ops::tools::Tools;
use waybill_ops::{process, ui};

use crate::config::Config;
use crate::postgres::{self, Release};
use crate::stack::{Kind, Stack};

/// The features of the library that the benchmarks need.
const FEATURES: &str = "eventbridge,http,migrations,sqs";

/// Runs the benchmarks on a separate Postgres, which does not wait for the disk: that would take
/// the same time on both sides and hide the difference. The last one is about just that wait.
///
/// # Errors
/// If Postgres does not start, or a benchmark fails.
pub(crate) async fn run(config: &Config) -> Result<()> {
    let mut stack = Stack::take(config, Kind::Test)?;
    let tools = Tools::install(&config.common).await?;
    let server = stack.start_database(config, &tools).await?.direct;
    ui::step("Compiling functions as they are deployed to AWS (some minutes, once)");
    let mut compile = Command::new("cargo");
    compile.args(["build", "--release", "--package", "create-order", "--package", "get-order"]);
    compile.args(["--package", "list-orders", "--package", "fulfill-order"]);
    process::run_loudly("Compiling", compile.current_dir(&config.common.root)).await?;
    let mut compile = Command::new("cargo");
    compile.args(["build", "--release", "--package", "waybill", "--examples"]);
    compile.args(["--no-default-features", "--features", "http,postgres"]);
    process::run_loudly("Compiling", compile.current_dir(&config.common.root)).await?;
    ui::step("cargo bench --package waybill (compiling takes some minutes, once)");
    let mut command = Command::new("cargo");
    command
        .args(["bench", "--package", "waybill", "--bench", "render", "--bench", "statements"])
        .args(["--bench", "relay", "--bench", "runtime_api"])
        .args(["--no-default-features", "--features", FEATURES])
        .current_dir(&config.common.root)
        .env("TEST_DATABASE_URL", server)
        .env("PROGRAMS", config.common.root.join("target/release"))
        .env("PGBENCH", postgres::programs(tools.dir(), Release::Eighteen)?.join("pgbench"));
    process::run_loudly("A benchmark", &mut command).await?;
    let server = stack.restart_database_durably(config, &tools).await?.direct;
    let mut command = Command::new("cargo");
    command
        .args(["bench", "--package", "waybill", "--bench", "statements"])
        .args(["--no-default-features", "--features", FEATURES, "--", "hot"])
        .current_dir(&config.common.root)
        .env("TEST_DATABASE_URL", server)
        .env("PGBENCH", postgres::programs(tools.dir(), Release::Eighteen)?.join("pgbench"));
    process::run_loudly("A benchmark", &mut command).await?;
    stack.delete()
}
