//! `make bench`: the overhead over plain statements, the cost of the largest responses, and the
//! speed of the relay.

use tokio::process::Command;
use waybill_ops::error::Result;
use waybill_ops::tools::Tools;
use waybill_ops::{process, ui};

use crate::config::Config;
use crate::postgres;
use crate::stack::{Kind, Stack};

/// Runs the benchmarks on a separate Postgres, which does not wait for the disk: that would take
/// the same time on both sides and hide the difference.
///
/// # Errors
/// If Postgres does not start, or a benchmark fails.
pub(crate) async fn run(config: &Config) -> Result<()> {
    let mut stack = Stack::take(config, Kind::Test)?;
    let tools = Tools::install(&config.common).await?;
    let server = stack.start_database(config, &tools).await?;
    ui::step("cargo bench --package waybill (compiling takes some minutes, once)");
    let mut command = Command::new("cargo");
    command
        .args(["bench", "--package", "waybill", "--bench", "render", "--bench", "statements"])
        .args(["--bench", "relay"])
        .args(["--no-default-features", "--features", "http,migrations,eventbridge"])
        .current_dir(&config.common.root)
        .env("TEST_DATABASE_URL", server)
        .env("PGBENCH", postgres::programs(tools.dir())?.join("pgbench"));
    process::run_loudly("A benchmark", &mut command).await?;
    stack.delete()
}
