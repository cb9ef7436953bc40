//! Logs: one JSON object per line on standard output.

use std::sync::OnceLock;

use json_subscriber::JsonLayer;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::prelude::*;
use tracing_subscriber::util::TryInitError;

/// The name of the service in logs.
pub(crate) const SERVICE: &str = "waybill";

static FUNCTION: OnceLock<&str> = OnceLock::new();

/// The name of the function; empty before logging starts.
pub(crate) fn function() -> &'static str {
    FUNCTION.get().copied().unwrap_or_default()
}

/// Starts logging for `function`, from `level` up.
///
/// Dependencies log from `warn` up, whatever `level` is: their lines below that can contain bodies and
/// headers.
///
/// # Errors
/// If this process logs already.
pub fn init(function: &'static str, level: Level) -> Result<(), TryInitError> {
    FUNCTION.get_or_init(|| function);
    let mut json = JsonLayer::stdout();
    json.with_timer("timestamp", SystemTime);
    json.with_level("level");
    json.add_static_field("service", SERVICE.into());
    json.add_static_field("function", function.into());
    json.with_top_level_flattened_span_list();
    json.with_flattened_event();
    let ours = LevelFilter::from_level(level);
    let filter = Targets::new()
        .with_default(ours.min(LevelFilter::WARN))
        .with_target("waybill", ours)
        .with_target(function.replace('-', "_"), ours);
    tracing_subscriber::registry().with(json).with(filter).try_init()
}
