//! `make reconcile`: a check that stock and orders in the database add up.

use tokio::process::Command;

use crate::config::Config;
use crate::env_file::EnvFile;
use crate::error::Result;
use crate::process::Child;

/// The variables that name the database.
const VARIABLES: [&str; 2] = ["DATABASE_URL", "DATABASE_ENGINE"];

/// Runs `waybill-reconcile` on `DATABASE_URL`, or on the running stack. Returns whether all adds up.
///
/// # Errors
/// If there is no database, or the program can't be started.
pub async fn run(config: &Config) -> Result<bool> {
    match &config.database_url {
        // The engine is in the environment, too.
        Some(_) => Ok(Child::spawn(&mut program(config))?.wait().await?.success()),
        None => adds_up(config, &EnvFile::of_make_up(config)?).await,
    }
}

/// Runs `waybill-reconcile` on the database of a stack. Returns whether all adds up.
///
/// # Errors
/// If the stack has no database, or the program can't be started.
pub async fn adds_up(config: &Config, env: &EnvFile) -> Result<bool> {
    let mut command = program(config);
    for name in VARIABLES {
        command.env(name, env.get(name)?);
    }
    Ok(Child::spawn(&mut command)?.wait().await?.success())
}

fn program(config: &Config) -> Command {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--bin", "waybill-reconcile"]).current_dir(&config.root);
    command
}
