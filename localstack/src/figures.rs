//! `make figures`: the size and the start time of each function.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use testkit::platform::{Extensions, Platform};
use tokio::process::Command;
use waybill_ops::bootstraps::Profile;
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::process::Child;
use waybill_ops::{bootstraps, process, ui};

use crate::config::Config;

/// How often each function is started.
const SPAWNS: usize = 20;
/// How long one start may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints a table of all functions, measured with the variables of the running stack.
///
/// # Errors
/// If no stack is running, the build fails, or a function does not ask for work.
pub(crate) async fn print(config: &Config) -> Result<()> {
    let env = EnvFile::of_make_up(&config.common)?;
    ui::step("Building the functions with the profile of AWS (about 10 minutes the first time)");
    bootstraps::compile(&config.common, Profile::Release).await?;
    ui::line("| function | size (MB) | median start (ms) | slowest (ms) |");
    ui::line("|---|---:|---:|---:|");
    for function in bootstraps::functions(&config.common)? {
        let path = bootstraps::compiled(&config.common, Profile::Release, &function);
        let size = fs::metadata(&path).context(|| format!("{} is missing.", path.display()))?.len();
        let mut starts = Vec::with_capacity(SPAWNS);
        for _ in 0..SPAWNS {
            starts.push(start(config, &env, &function).await?);
        }
        let slowest = starts.iter().max().copied().unwrap_or_default();
        ui::line(format!(
            "| {function} | {}.{} | {:.1} | {:.1} |",
            size / 1_000_000,
            size % 1_000_000 / 100_000,
            milliseconds(median(&mut starts)),
            milliseconds(slowest),
        ));
    }
    Ok(())
}

/// The time from the spawn of the function to its first request for work.
async fn start(config: &Config, env: &EnvFile, function: &str) -> Result<Duration> {
    let platform = Platform::start(Extensions::Unknown, PATIENCE).await;
    let log_path = config.local().join("figures.log");
    let log =
        File::create(&log_path).context(|| format!("Failed to write {}.", log_path.display()))?;
    let program = bootstraps::compiled(&config.common, Profile::Release, function);
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(&env.0)
        // Any value: the function gets no requests.
        .env("CURSOR_SECRET", "x".repeat(32))
        .env("PATH", &config.common.path)
        .env("AWS_LAMBDA_RUNTIME_API", platform.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", function)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "figures")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "figures")
        .stdout(log.try_clone().context(|| "Failed to share a log.")?)
        .stderr(log);
    let started = Instant::now();
    let mut child = Child::spawn(&mut command)?;
    tokio::select! {
        () = platform.asked_for_work() => Ok(started.elapsed()),
        ended = child.wait() => {
            let status = ended?;
            let said = process::tail(&log_path, 5);
            Err(Error::new(format!("{function} exited before it asked for work ({status}):\n{said}")))
        }
        () = tokio::time::sleep(PATIENCE) => {
            Err(Error::new(format!("{function} did not ask for work within {} s.", PATIENCE.as_secs())))
        }
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    let middle = times.len() / 2;
    let upper = times.get(middle).copied().unwrap_or_default();
    if times.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|index| times.get(index)).copied();
    (upper + lower.unwrap_or_default()) / 2
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        let of = |times: &[u64]| {
            let mut times: Vec<_> = times.iter().copied().map(Duration::from_millis).collect();
            median(&mut times).as_millis()
        };
        assert_eq!(of(&[9, 1, 5]), 5);
        assert_eq!(of(&[9, 1, 5, 7]), 6);
        assert_eq!(of(&[]), 0);
    }
}
