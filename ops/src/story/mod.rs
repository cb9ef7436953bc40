//! `make story`: what happened to one order, in every function, as a waterfall.
//!
//! Three steps, each usable alone: [`Recorded`] reads what the functions wrote, [`tell`] builds the
//! [`Story`], and [`render`] writes it as text. The console renders the same story as HTML; [`Scale`]
//! is its time axis.

mod about;
mod attach;
mod bar;
mod build;
mod model;
mod read;
mod scale;
#[cfg(test)]
mod tests;
mod text;
mod waits;

use std::time::{Duration, SystemTime};

use clap::Args;
use jiff::Timestamp;

pub use build::tell;
pub use model::{Bar, BarKind, Story};
pub use read::{LogLine, Recorded, Span};
pub use scale::Scale;
pub use text::render;

use crate::config::Config;
use crate::error::Result;
use crate::logs::{self, Source};
use crate::subject::Subject;
use crate::ui;

/// How far back the lines of a correlation id are searched.
const DEFAULT: Duration = Duration::from_hours(1);
/// How far the clocks of the database and of the functions may differ.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// The arguments of `make story`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The id or number of an order, or a correlation id
    order: String,
    /// How far back to search, such as 90s, 2m, 1h or 10 (minutes); by default, back to the order
    #[arg(long, value_parser = logs::parse_since)]
    since: Option<Duration>,
}

/// Prints the story of an order of the local stack.
///
/// # Errors
/// If no stack is running, or nothing is known of the order.
pub async fn run(config: &Config, arguments: &Arguments) -> Result<()> {
    let subject: Subject = arguments.order.parse()?;
    let from = match (arguments.since, subject.begins()) {
        (Some(since), _) => SystemTime::now() - since,
        (None, Some(begins)) => earlier(begins),
        (None, None) => SystemTime::now() - DEFAULT,
    };
    let mut recorded = Recorded::default();
    for line in Source::find(config).await?.since(from).await? {
        recorded.add(&line);
    }
    render(&tell(&recorded, &subject)?).iter().for_each(ui::line);
    Ok(())
}

fn earlier(begins: Timestamp) -> SystemTime {
    SystemTime::from(begins) - CLOCK_SKEW
}
