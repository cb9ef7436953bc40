//! The migrations, embedded in the binary and applied on deploy.

use tokio::time::Instant;
use tokio_postgres::Client;

use super::connector::Connector;
use crate::BoxError;
use crate::config::DatabaseConfig;

mod embedded {
    refinery::embed_migrations!("../sql/migrations");
}

/// The advisory lock that migrations hold, so that concurrent deploys wait for each other. Nothing
/// else in the database uses this number.
const ADVISORY_LOCK: i64 = 0x0077_6179_6269_6c6c; // "waybill"

/// The lock timeout of a migration. Requests that need the table wait behind it, so this is shorter
/// than their own (`sql/settings.sql`). The migration then fails and can be run again.
const LOCK_TIMEOUT: &str = "2s";

/// The session settings of the service.
const SETTINGS: &str = include_str!("../../../sql/settings.sql");

/// Stores the first issuer, and returns it. $1 issuer, $2 whether it replaces the stored one.
const FIRST_ISSUER: &str = "
    INSERT INTO first_issuer AS f (issuer) VALUES ($1)
    ON CONFLICT (only_row) DO UPDATE SET issuer = CASE WHEN $2 THEN excluded.issuer ELSE f.issuer END
    RETURNING issuer";

/// Applies the missing migrations and returns their names, oldest first.
///
/// # Errors
/// The error of Postgres or of the connection. Each migration is a transaction: those before the
/// failed one stay.
pub async fn migrate(config: &DatabaseConfig) -> Result<Vec<String>, BoxError> {
    let connector = Connector::new(&config.url)?;
    let (mut client, _driver) =
        connector.connect_by(Instant::now() + config.connect_timeout).await?;
    // The limits of this role are for requests.
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
    // Released with the connection, even when a migration fails.
    client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await?;
    client.execute("SELECT set_config('lock_timeout', $1, false)", &[&LOCK_TIMEOUT]).await?;
    let applied = apply(&mut client).await?;
    client.batch_execute(SETTINGS).await?;
    Ok(applied)
}

/// Checks that `issuer` can be told apart from the first issuer of this database. `first` names
/// that one; without it, there must have been no other.
///
/// # Errors
/// If the issuer has changed and `first` is not given: one person could then see the orders of
/// another. Or the error of Postgres or of the connection.
pub async fn check_issuer(
    config: &DatabaseConfig,
    issuer: &str,
    first: Option<&str>,
) -> Result<(), BoxError> {
    let connector = Connector::new(&config.url)?;
    let (client, _driver) = connector.connect_by(Instant::now() + config.connect_timeout).await?;
    let known =
        client.query_one(FIRST_ISSUER, &[&first.unwrap_or(issuer), &first.is_some()]).await?;
    let known: String = known.try_get(0)?;
    if first.is_none() && known != issuer {
        return Err(format!(
            "the orders of this database belong to subjects of the issuer {known}, and tokens are \
             now to come from {issuer}; set FirstJwtIssuer to {known}, so that the subjects of the \
             two are told apart"
        )
        .into());
    }
    Ok(())
}

async fn apply(client: &mut Client) -> Result<Vec<String>, BoxError> {
    let report = embedded::migrations::runner().run_async(client).await?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}
