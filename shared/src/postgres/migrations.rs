//! The schema, embedded in the binary and applied on deploy.

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

/// Applies what is not applied yet and returns the names of that, oldest first.
///
/// # Errors
/// What Postgres or the way to it said. Each migration is a transaction of its own: those before
/// the one that failed stay.
pub async fn migrate(config: &DatabaseConfig) -> Result<Vec<String>, BoxError> {
    let connector = Connector::new(&config.url)?;
    let (mut client, _driver) = connector.connect_within(config.connect_timeout).await?;
    // Let go with the connection, also when a migration fails.
    client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await?;
    apply(&mut client).await
}

async fn apply(client: &mut Client) -> Result<Vec<String>, BoxError> {
    let report = embedded::migrations::runner().run_async(client).await?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}
