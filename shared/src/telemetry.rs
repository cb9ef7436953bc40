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
/// headers. Two parts of the Lambda runtime don't log at all: one quotes events that it can't read, and
/// one repeats the errors of handlers. A panic is logged by a hook.
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
        .with_target("lambda_runtime::layers::api_response", LevelFilter::OFF)
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
        .with_target("waybill", ours)
        .with_target(function.replace('-', "_"), ours);
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let error = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, error, "panicked");
    }));
    tracing_subscriber::registry().with(json).with(filter).try_init()
}
