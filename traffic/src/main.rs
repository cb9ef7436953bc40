//! `waybill-traffic`: sends traffic to a local stack, and judges what came of it.
//!
//! The targets `traffic`, `soak` and `verdict` of the Makefile call it, and `make up` runs it in the
//! background.

mod background;
mod foreground;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use traffic::arrivals::Arrivals;
use traffic::control::check_rate;
use traffic::generator::Wanted;
use traffic::history::History;
use traffic::mix::Mix;
use traffic::mode::Mode;
use traffic::report::{self, summarize};
use traffic::settings::Target;
use traffic::verdict::judge;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::ui;

/// Sends traffic to a local stack, and judges what came of it.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send traffic for a while, then print the verdict: exits with 0 if it is clean, 1 if the service
    /// broke a promise, 2 if nobody can tell
    Run {
        /// Seconds
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        seconds: u64,
        #[command(flatten)]
        traffic: Traffic,
    },
    /// The same for longer, with faults in between, watching memory, connections and open files
    Soak {
        /// Minutes
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1_440))]
        minutes: u64,
        #[command(flatten)]
        traffic: Traffic,
    },
    /// Send what the control API asks for, until SIGTERM
    Serve {
        /// The port of the control API
        #[arg(long)]
        port: u16,
        #[command(flatten)]
        traffic: Traffic,
    },
    /// Judge a history again, and write its report again
    Judge {
        /// The file `history.jsonl`
        file: PathBuf,
    },
}

/// What is sent.
#[derive(Debug, Clone, Args)]
struct Traffic {
    /// steady, burst, overload, flash-sale or pause
    #[arg(long, default_value = "steady")]
    mode: Mode,
    /// Requests a second, before the mode changes them
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// The seed: the same seed plans the same traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How requests are spread over time
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    arrivals: Arrivals,
    /// Customers, each with a token of its own
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    customers: u32,
    /// The most requests in flight
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=256))]
    in_flight: u32,
}

impl Traffic {
    fn wanted(&self) -> Result<Wanted> {
        check_rate(self.rate).map_err(Error::new)?;
        Ok(Wanted { mode: self.mode, rate: self.rate, mix: Mix::default() })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(code) => code.into(),
        Err(error) => {
            ui::failure(&error);
            // Without a verdict, nobody can tell.
            ExitCode::from(2)
        }
    }
}

async fn run(command: Command) -> Result<u8> {
    match command {
        Command::Run { seconds, traffic } => {
            let length = std::time::Duration::from_secs(seconds);
            foreground::run(&Target::find()?, &traffic, length, foreground::Kind::Plain).await
        }
        Command::Soak { minutes, traffic } => {
            let length = std::time::Duration::from_mins(minutes);
            foreground::run(&Target::find()?, &traffic, length, foreground::Kind::Soak).await
        }
        Command::Serve { port, traffic } => {
            background::serve(&Target::find()?, &traffic, port).await?;
            Ok(0)
        }
        Command::Judge { file } => {
            let history = History::read(&file)?;
            let verdict = judge(&history);
            if let Some(folder) = file.parent() {
                report::write(folder, &history, &verdict)?;
            }
            ui::line(format!("{}\n{verdict}", summarize(&history)));
            Ok(verdict.exit_code())
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() -> Result<()> {
    let failed = || "Failed to listen for signals.";
    let mut interrupt = signal(SignalKind::interrupt()).context(failed)?;
    let mut terminate = signal(SignalKind::terminate()).context(failed)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
