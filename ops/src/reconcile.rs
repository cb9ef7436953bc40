//! `make reconcile`: whether everything in the database adds up.

use tokio::process::Command;

use crate::config::Config;
use crate::env_file::EnvFile;
use crate::error::Result;
use crate::process::Job;

/// Runs `waybill-reconcile` on `DATABASE_URL`, or on the stack that is up: whether it found nothing.
///
/// # Errors
/// If there is no database to look at, or the program does not compile.
pub async fn run(config: &Config) -> Result<bool> {
    let url = match &config.database_url {
        Some(url) => url.clone(),
        None => EnvFile::of_make_up(config)?.get("DATABASE_URL")?.to_owned(),
    };
    adds_up(config, &url).await
}

/// Runs `waybill-reconcile` on the database at `url`: whether it found nothing.
///
/// # Errors
/// If the program does not compile.
pub async fn adds_up(config: &Config, url: &str) -> Result<bool> {
    let mut command = Command::new("cargo");
    command
        .args(["run", "--quiet", "--package", "waybill", "--bin", "waybill-reconcile"])
        .args(["--no-default-features", "--features", "postgres"])
        .current_dir(&config.root)
        .env("DATABASE_URL", url);
    Ok(Job::spawn(&mut command)?.wait().await?.success())
}
