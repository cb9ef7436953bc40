//! Migrates the database. Accepts any event.

use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;
use waybill::config::{DatabaseConfig, RoleArn};
use waybill::postgres::functions::Function;
use waybill::postgres::migrations;
use waybill::postgres::roles::{self, FunctionRole};
use waybill::{BoxError, error, lambda};

/// The result of an invocation.
#[derive(Serialize)]
pub(crate) struct Report {
    /// The applied migrations, oldest first; empty if the schema was up to date.
    applied: Vec<String>,
}

/// The current and the first issuer.
pub(crate) struct Issuers {
    pub(crate) now: Option<String>,
    pub(crate) first: Option<String>,
}

/// The roles of these functions.
///
/// # Errors
/// If one of them has no role.
pub(crate) fn roles(named: Vec<(String, RoleArn)>) -> Result<Vec<FunctionRole>, BoxError> {
    let role = |(name, arn): (String, RoleArn)| {
        let function = Function::named(&name);
        let function =
            function.ok_or_else(|| format!("DATABASE_ROLES names {name}, which has no role"))?;
        Ok((function, Some(arn)))
    };
    named.into_iter().map(role).collect()
}

pub(crate) async fn migrate(
    event: LambdaEvent<Value>,
    database: &DatabaseConfig,
    roles: &[FunctionRole],
    issuers: &Issuers,
) -> Result<Report, BoxError> {
    let span = tracing::info_span!(
        "migrate",
        request_id = event.context.request_id,
        cold_start = lambda::is_cold_start(),
    );
    async {
        // Lambda returns only the error, so it must include its causes.
        let applied = update(database, roles, issuers).await.map_err(|error| {
            let error = error::chain(&*error);
            tracing::error!(error, "failed to migrate the schema");
            BoxError::from(error)
        })?;
        tracing::info!(applied = applied.join(", "), "schema is up to date");
        Ok(Report { applied })
    }
    .instrument(span)
    .await
}

async fn update(
    database: &DatabaseConfig,
    roles: &[FunctionRole],
    issuers: &Issuers,
) -> Result<Vec<String>, BoxError> {
    let applied = migrations::migrate(database).await?;
    roles::update(database, roles).await?;
    if let Some(issuer) = &issuers.now {
        migrations::check_issuer(database, issuer, issuers.first.as_deref()).await?;
    }
    Ok(applied)
}
