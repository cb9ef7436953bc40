//! `waybill-local`: the runner of Waybill's local cloud.
//!
//! The targets of the Makefile call it. It installs the pinned tools, runs Postgres and an AWS
//! emulator on loopback, deploys the template to them, and tests the result.

mod bench;
mod config;
mod console;
mod databases;
mod deploy;
mod emulator;
mod faults;
mod figures;
mod lambda;
mod leaks;
mod lock;
mod mail;
mod order;
mod ports;
mod pump;
mod resources;
mod stack;
mod strike;
mod suite;
mod template;
mod tokens;
mod traffic;
mod up;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use local_cloud::{database, postgres, standin};
use tokio::signal::unix::{SignalKind, signal};
use waybill_ops::bootstraps::{self, Profile};
use waybill_ops::error::{Context as _, Result};
use waybill_ops::release::Order;
use waybill_ops::{dlq, logs, reconcile, story, ui};

use crate::config::Config;

/// The runner of Waybill's local cloud, called by the targets of the Makefile.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start database and emulator, deploy, migrate, seed, and place an order
    Up,
    /// Stop everything, keep the data
    Down,
    /// Stop everything, delete the data
    Reset,
    /// Serve the functions with `cargo lambda watch`, with database, queue and cache
    Watch,
    /// Print the log lines of the functions of the running stack
    Logs(logs::Arguments),
    /// Print what happened to an order, in every function
    Story(story::Arguments),
    /// List the dead letters, show, move back or delete them
    Dlq(dlq::Arguments),
    /// List the faults of the running stack, start one, or end one
    Faults(strike::Arguments),
    /// Print a token for the running stack, and nothing else
    Token {
        /// The subject, `sub`
        #[arg(long, default_value = tokens::CUSTOMER.0)]
        subject: String,
        /// The scopes, separated by spaces
        #[arg(long, default_value = tokens::CUSTOMER.1)]
        scope: String,
    },
    /// Check the format, the template, the SQL, the code and its documentation
    Lint,
    /// Run all tests, on separate stacks
    Test {
        /// Run only the path of an order, with the functions compiled as they are for AWS
        #[arg(long)]
        release: bool,
        /// Run only the programs of tests with this in their names, such as crashes or shared/adapters;
        /// with DATABASE=dsql, on the stand-in for Aurora DSQL
        #[arg(long, value_name = "NAME", conflicts_with = "release")]
        only: Option<String>,
    },
    /// Print the size and the start time of each function
    Figures,
    /// Measure functions, large responses and the relay, and statements beside the same SQL by pgbench
    Bench,
    /// Check that stock and orders in the database add up
    Reconcile,
    /// Deploy to AWS, and migrate the database there
    Deploy {
        /// Deploy to the emulator in `AWS_ENDPOINT_URL` instead
        #[arg(long)]
        emulator: bool,
        /// Deploy before migrating: the database has moved, or its password has changed
        #[arg(long)]
        deploy_first: bool,
        /// Arguments of `sam deploy`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the functions as they are deployed locally
    Build,
}

/// The exit code after Ctrl-C, by the convention of shells.
const CTRL_C: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    ui::elapsed();
    let command = Arguments::parse().command;
    // These end in no other way.
    let ends_by_ctrl_c = match &command {
        Command::Watch => true,
        Command::Logs(arguments) => arguments.follows(),
        _ => false,
    };
    // Dropping the branch that has not ended stops what it has started.
    let result = tokio::select! {
        result = run(command) => result,
        ended = interrupted() => match ended {
            Ok((signal, code)) => {
                ui::line(format!("Stopped by {signal}."));
                let succeeded = ends_by_ctrl_c && code == CTRL_C;
                return if succeeded { ExitCode::SUCCESS } else { code.into() };
            }
            Err(error) => Err(error),
        },
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        // The command has printed what failed.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            ui::failure(&error);
            ExitCode::FAILURE
        }
    }
}

/// Runs a command. Returns whether it succeeded.
async fn run(command: Command) -> Result<bool> {
    let config = Config::from_environment()?;
    match command {
        Command::Up => up::up(&config).await,
        Command::Down => up::down(&config).await,
        Command::Reset => up::reset(&config).await,
        Command::Watch => Box::pin(watch::watch(&config)).await,
        Command::Logs(arguments) => logs::follow(&config.common, &arguments).await,
        Command::Story(arguments) => story::run(&config.common, &arguments).await,
        Command::Dlq(arguments) => dlq::run(&config.common, &arguments).await,
        Command::Faults(arguments) => strike::run(&config, &arguments).await,
        Command::Token { subject, scope } => up::token(&config, &subject, &scope),
        Command::Lint => return suite::lint(&config).await,
        Command::Test { release: true, .. } => return suite::run_release(&config).await,
        Command::Test { only: Some(name), .. } => return suite::run_only(&config, &name).await,
        Command::Test { .. } => return Box::pin(suite::run(&config)).await,
        Command::Figures => figures::print(&config).await,
        Command::Bench => bench::run(&config).await,
        Command::Reconcile => return reconcile::run(&config.common).await,
        Command::Deploy { emulator, deploy_first, arguments } => {
            let order = if deploy_first { Order::CodeFirst } else { Order::SchemaFirst };
            waybill_ops::deploy::deploy(&config.common, emulator, order, &arguments).await
        }
        Command::Build => bootstraps::build_here(&config.common, Profile::Dev).await,
    }
    .map(|()| true)
}

/// Waits for a signal that ends the runner: its name, and the exit code for it.
async fn interrupted() -> Result<(&'static str, u8)> {
    let failed = || "Failed to listen for signals.";
    let mut interrupt = signal(SignalKind::interrupt()).context(failed)?;
    let mut terminate = signal(SignalKind::terminate()).context(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).context(failed)?;
    Ok(tokio::select! {
        _ = interrupt.recv() => ("Ctrl-C", CTRL_C),
        _ = terminate.recv() => ("SIGTERM", 143),
        _ = hang_up.recv() => ("SIGHUP", 129),
    })
}
