//! `make reconcile`: a check that stock and orders in the database add up.

use tokio::process::Command;

use crate::config::Config;
use crate::env_file::EnvFile;
use crate::error::Result;
use crate::process::Job;

/// Runs `waybill-reconcile` on `DATABASE_URL`, or on the running stack. Returns whether all adds up.
///
/// # Errors
/// If there is no database, or the program can't be started.
pub async fn run(config: &Config) -> Result<bool> {
    let url = match &config.database_url {
        Some(url) => url.clone(),
        None => EnvFile::of_make_up(config)?.get("DATABASE_URL")?.to_owned(),
    };
    adds_up(config, &url).await
}

/// Runs `waybill-reconcile` on the database at `url`. Returns whether all adds up.
///
/// # Errors
/// If the program can't be started.
pub async fn adds_up(config: &Config, url: &str) -> Result<bool> {
    let mut command = Command::new("cargo");
    command
        .args(["run", "--quiet", "--package", "waybill", "--bin", "waybill-reconcile"])
        .args(["--no-default-features", "--features", "postgres"])
        .current_dir(&config.root)
        .env("DATABASE_URL", url);
    Ok(Job::spawn(&mut command)?.wait().await?.success())
}
