//! The schema, embedded in the binary and applied on deploy.

use tokio::time::Instant;
use tokio_postgres::Client;

use super::connector::Connector;
use crate::BoxError;
use crate::config::DatabaseConfig;

mod embedded {
    refinery::embed_migrations!("../sql/migrations");
}

/// Held while migrations run, so that two deploys at once wait for each other. Any number will do,
/// as long as nothing else in the database uses it.
const ADVISORY_LOCK: i64 = 0x0077_6179_6269_6c6c; // "waybill"

/// How long a migration waits for a lock, since every request that needs the same table waits behind
/// it: less than requests wait themselves (`sql/settings.sql`). It fails then, and can be run again.
const LOCK_TIMEOUT: &str = "2s";

/// What Postgres is told about the sessions of the service.
const SETTINGS: &str = include_str!("../../../sql/settings.sql");

/// Keeps the first issuer, and says which it is. $1 issuer, $2 whether it takes the place of another.
const FIRST_ISSUER: &str = "
    INSERT INTO first_issuer AS f (issuer) VALUES ($1)
    ON CONFLICT (only_row) DO UPDATE SET issuer = CASE WHEN $2 THEN excluded.issuer ELSE f.issuer END
    RETURNING issuer";

/// Applies what is not applied yet and returns the names of that, oldest first.
///
/// # Errors
/// What Postgres or the way to it said. Each migration is a transaction of its own: those before
/// the one that failed stay.
pub async fn migrate(config: &DatabaseConfig) -> Result<Vec<String>, BoxError> {
    let connector = Connector::new(&config.url)?;
    let (mut client, _driver) =
        connector.connect_by(Instant::now() + config.connect_timeout).await?;
    // The limits of this role are for requests.
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
    // Let go with the connection, also when a migration fails.
    client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await?;
    client.execute("SELECT set_config('lock_timeout', $1, false)", &[&LOCK_TIMEOUT]).await?;
    let applied = apply(&mut client).await?;
    client.batch_execute(SETTINGS).await?;
    Ok(applied)
}

/// Makes sure that the subjects of `issuer` are told apart from those of the issuer that this database
/// was first used with. `first` names that one; if it is not given, there must have been no other.
///
/// # Errors
/// If there has been another issuer and `first` is not given: one person could see the orders of
/// another. Or what Postgres or the way to it said.
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
