//! The migrations, embedded in the binary and applied on deploy.

mod conflicts;
mod distributed;
mod lock;

use std::time::Duration;

use refinery::Runner;
use tokio::time::Instant;
use tokio_postgres::Client;

use self::conflicts::retried;
use self::distributed::Distributed;
use self::lock::Lock;
use super::connector::{Connector, Driver};
use super::settings;
use crate::BoxError;
use crate::config::{DatabaseConfig, DatabaseEngine};

mod on_postgres {
    refinery::embed_migrations!("../sql/migrations");
}

mod on_dsql {
    refinery::embed_migrations!("../sql/dsql");
}

/// How long a deploy waits for another one. Together with the wait for indexes on DSQL it is below the
/// timeout of migrate (120 s).
const LOCK_WAIT: Duration = Duration::from_mins(1);

/// The limits of a session that migrates. The role's are for requests. Requests that need a table wait
/// behind a migration that waits for it, so its `lock_timeout` is shorter than theirs
/// (`sql/settings.sql`). The migration then fails and can be run again.
const LIMITS: [&str; 2] = ["statement_timeout = 0", "lock_timeout = '2s'"];

/// The session settings of the service.
const SETTINGS: &str = include_str!("../../../../sql/settings.sql");

/// Stores the first issuer, and returns it. $1 issuer, $2 whether it replaces the stored one.
const FIRST_ISSUER: &str = "
    INSERT INTO first_issuer AS f (issuer) VALUES ($1)
    ON CONFLICT (only_row) DO UPDATE SET issuer = CASE WHEN $2 THEN excluded.issuer ELSE f.issuer END
    RETURNING issuer";

/// Applies the missing migrations and returns their names, oldest first.
///
/// # Errors
/// If another run holds the lock for a minute, or the error of the database or of the connection. On
/// Postgres each migration is a transaction, on Aurora DSQL each statement of one: those before the
/// failed one stay, and running again goes on from there.
pub async fn migrate(config: &DatabaseConfig) -> Result<Vec<String>, BoxError> {
    migrate_after(config, LOCK_WAIT).await
}

/// The same, but waits no longer than `wait` for another run.
///
/// # Errors
/// See [`migrate`].
pub async fn migrate_after(
    config: &DatabaseConfig,
    wait: Duration,
) -> Result<Vec<String>, BoxError> {
    let connector = Connector::new(&config.url, config.keys.as_ref())?;
    let connect_by = Instant::now() + config.connect_timeout;
    let lock = Lock::claim(&connector, connect_by, wait).await?;
    let applied = tokio::select! {
        applied = apply(config) => applied,
        lost = lock.keep() => Err(lost),
    };
    lock.release().await;
    applied
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
    let (client, _driver) = connect(config).await?;
    let (named, replaces) = (first.unwrap_or(issuer), first.is_some());
    let known =
        retried(|| async { client.query_one(FIRST_ISSUER, &[&named, &replaces]).await }).await?;
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

async fn apply(config: &DatabaseConfig) -> Result<Vec<String>, BoxError> {
    let (mut client, _driver) = connect(config).await?;
    let report = match config.engine {
        DatabaseEngine::Postgres => {
            settings::set(&client, config.engine, &LIMITS).await?;
            let report = runner(config.engine).run_async(&mut client).await?;
            client.batch_execute(SETTINGS).await?;
            report
        }
        DatabaseEngine::Dsql => runner(config.engine).run_async(&mut Distributed(client)).await?,
    };
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

fn runner(engine: DatabaseEngine) -> Runner {
    match engine {
        DatabaseEngine::Postgres => on_postgres::migrations::runner(),
        DatabaseEngine::Dsql => on_dsql::migrations::runner(),
    }
}

async fn connect(config: &DatabaseConfig) -> Result<(Client, Driver), BoxError> {
    let connector = Connector::new(&config.url, config.keys.as_ref())?;
    Ok(connector.connect_by(Instant::now() + config.connect_timeout).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last migration that `sql/dsql` has in its first file.
    const FIRST_ON_DSQL: i32 = 14;

    fn names(engine: DatabaseEngine) -> Vec<(i32, String)> {
        let runner = runner(engine);
        let migrations = runner.get_migrations().iter();
        migrations.map(|it| (it.version(), it.name().to_owned())).collect()
    }

    #[test]
    fn a_new_migration_has_a_file_of_the_same_name_for_each_engine() {
        let (postgres, dsql) = (names(DatabaseEngine::Postgres), names(DatabaseEngine::Dsql));
        assert_eq!(dsql[0], (FIRST_ON_DSQL, "create_schema".to_owned()));
        let later: Vec<_> = postgres.into_iter().filter(|it| it.0 > FIRST_ON_DSQL).collect();
        assert_eq!(later, dsql[1..]);
    }

    #[test]
    fn what_migrates_dsql_can_be_run_again() {
        let runner = runner(DatabaseEngine::Dsql);
        for migration in runner.get_migrations() {
            for statement in distributed::statements(migration.sql().unwrap()) {
                // `SET DEFAULT` and `UPDATE` do the same twice.
                let once = ["CREATE ", "DROP ", "ADD COLUMN "];
                let again = ["IF NOT EXISTS", "IF EXISTS", "OR REPLACE"];
                assert!(
                    !once.iter().any(|it| statement.contains(it))
                        || again.iter().any(|it| statement.contains(it)),
                    "{migration}: {statement}"
                );
                // The splitter takes no others out, and the stand-in misreads them.
                assert!(!statement.contains("--"), "{migration}: {statement}");
                assert!(!statement.contains(';'), "{migration}: {statement}");
            }
        }
    }
}
