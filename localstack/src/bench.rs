//! `make bench`: what the service adds to its statements, what a function adds to the Lambda runtime,
//! what the largest responses take, and how fast a relay empties a backlog.

use tokio::process::Command;

use crate::config::Config;
use crate::error::Result;
use crate::stack::{Kind, Stack};
use crate::tools::Tools;
use crate::{postgres, process, ui};

/// Runs the benchmarks: those of the statements on a Postgres of their own, which does not wait for the
/// disk. That would be the same for both sides, and hide the difference.
///
/// # Errors
/// If Postgres does not start, or a benchmark fails.
pub(crate) async fn run(config: &Config) -> Result<()> {
    let mut stack = Stack::take(config, Kind::Test)?;
    let tools = Tools::install(config).await?;
    let server = stack.start_database(config, &tools).await?;
    ui::step("Compiling functions as they are deployed to AWS (some minutes, once)");
    let mut compile = Command::new("cargo");
    compile.args(["build", "--release", "--package", "create-order", "--package", "get-order"]);
    compile.args(["--package", "list-orders", "--package", "fulfill-order"]);
    process::run_loudly("Compiling", compile.current_dir(&config.root)).await?;
    let mut compile = Command::new("cargo");
    compile.args(["build", "--release", "--package", "waybill", "--examples"]);
    compile.args(["--no-default-features", "--features", "http,postgres"]);
    process::run_loudly("Compiling", compile.current_dir(&config.root)).await?;
    ui::step("cargo bench --package waybill (compiling takes some minutes, once)");
    let mut command = Command::new("cargo");
    command
        .args(["bench", "--package", "waybill", "--bench", "render", "--bench", "statements"])
        .args(["--bench", "relay", "--bench", "runtime_api"])
        .args(["--no-default-features", "--features", "http,migrations,eventbridge"])
        .current_dir(&config.root)
        .env("TEST_DATABASE_URL", server)
        .env("PROGRAMS", config.root.join("target/release"))
        .env("PGBENCH", postgres::programs(tools.dir())?.join("pgbench"));
    process::run_loudly("A benchmark", &mut command).await?;
    stack.delete()
}
