//! Takes any event, answers with what it applied.

use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;
use waybill::config::DatabaseConfig;
use waybill::postgres::migrations;
use waybill::{BoxError, error, lambda};

/// What one invocation did.
#[derive(Serialize)]
pub(crate) struct Report {
    /// The migrations that it applied, oldest first; none if the schema was up to date.
    applied: Vec<String>,
}

pub(crate) async fn migrate(
    event: LambdaEvent<Value>,
    database: &DatabaseConfig,
) -> Result<Report, BoxError> {
    let span = tracing::info_span!(
        "migrate",
        request_id = event.context.request_id,
        cold_start = lambda::is_cold_start(),
    );
    async {
        let applied = migrations::migrate(database).await.inspect_err(|error| {
            tracing::error!(error = error::chain(&**error), "the schema is not up to date");
        })?;
        tracing::info!(applied = applied.join(", "), "the schema is up to date");
        Ok(Report { applied })
    }
    .instrument(span)
    .await
}
