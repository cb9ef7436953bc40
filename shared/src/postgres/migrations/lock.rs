//! The lock of the migrations: a row with a lease. Distributed engines have no advisory locks.
//!
//! The lock makes concurrent deploys wait for each other. Should two run at once in spite of it, the
//! ledger's primary key lets only one of them record a migration.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};
use uuid::Uuid;

use super::conflicts::{is_conflict, retried};
use crate::BoxError;
use crate::postgres::connector::{Connector, Driver};

/// How long the lock outlives a holder that died.
const LEASE: Duration = Duration::from_secs(15);

/// The time between two extensions of the lease.
const EXTENSION: Duration = Duration::from_secs(5);

/// The time between two attempts to get the lock.
const POLL: Duration = Duration::from_millis(250);

/// The table, which must exist before the first migration.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS migration_lock (
        only_row   boolean     NOT NULL DEFAULT true,
        holder     uuid        NOT NULL,
        expires_at timestamptz NOT NULL,

        CONSTRAINT migration_lock_pkey PRIMARY KEY (only_row),
        CONSTRAINT migration_lock_only_row CHECK (only_row)
    )";

/// Claims the lock, or extends the lease of its holder. $1 holder, $2 seconds of the lease. Returns no
/// row if another has it.
const CLAIM: &str = "
    INSERT INTO migration_lock AS l (holder, expires_at)
    VALUES ($1, now() + make_interval(secs => $2))
    ON CONFLICT (only_row) DO UPDATE
    SET holder = excluded.holder, expires_at = excluded.expires_at
    WHERE l.expires_at <= now() OR l.holder = excluded.holder
    RETURNING holder";

const RELEASE: &str = "DELETE FROM migration_lock WHERE holder = $1";

/// The lock, on a connection of its own, so that its lease can be extended while a migration runs.
pub(super) struct Lock {
    client: Client,
    holder: Uuid,
    _driver: Driver,
}

impl Lock {
    /// Claims the lock. Waits for another holder for up to `wait`.
    ///
    /// # Errors
    /// If it is held for longer, or the error of Postgres or of the connection.
    pub(super) async fn claim(
        connector: &Connector,
        connect_by: Instant,
        wait: Duration,
    ) -> Result<Self, BoxError> {
        let (client, driver) = connector.connect_by(connect_by).await?;
        let lock = Self { client, holder: Uuid::now_v7(), _driver: driver };
        let deadline = Instant::now() + wait;
        loop {
            let refused = match lock.create_and_claim().await {
                Ok(true) => return Ok(lock),
                Ok(false) => None,
                Err(error) if is_conflict(&error) || is_race_to_create(&error) => Some(error),
                Err(error) => return Err(error.into()),
            };
            if Instant::now() + POLL > deadline {
                return Err(match refused {
                    Some(error) => error.into(),
                    None => lock.held_by_another(wait).await,
                });
            }
            sleep(POLL).await;
        }
    }

    /// Extends the lease until that fails. Returns why.
    pub(super) async fn keep(&self) -> BoxError {
        loop {
            sleep(EXTENSION).await;
            match retried(|| self.claim_once()).await {
                Ok(true) => {}
                Ok(false) => return "another migration has taken the lock over".into(),
                Err(error) => return error.into(),
            }
        }
    }

    /// Gives the lock back. If that fails, its lease ends soon.
    pub(super) async fn release(self) {
        if let Err(error) =
            retried(|| async { self.client.execute(RELEASE, &[&self.holder]).await }).await
        {
            let error = crate::error::chain(&error);
            tracing::warn!(error, "failed to release the lock of the migrations");
        }
    }

    async fn create_and_claim(&self) -> Result<bool, Error> {
        match self.claim_once().await {
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
                self.client.batch_execute(TABLE).await?;
                self.claim_once().await
            }
            claimed => claimed,
        }
    }

    async fn claim_once(&self) -> Result<bool, Error> {
        let lease = LEASE.as_secs_f64();
        Ok(self.client.query_opt(CLAIM, &[&self.holder, &lease]).await?.is_some())
    }

    async fn held_by_another(&self, wait: Duration) -> BoxError {
        let sql = "SELECT expires_at FROM migration_lock";
        let row = self.client.query_opt(sql, &[]).await.ok().flatten();
        let until = row.and_then(|row| row.try_get::<_, Timestamp>(0).ok());
        let until = until.map(|until| format!(" (now until {until})")).unwrap_or_default();
        format!(
            "another migration has held the lock for {} s{until}, so nothing was changed; run this one \
             again when that one has ended",
            wait.as_secs()
        )
        .into()
    }
}

/// Whether another session created the table at the same time.
fn is_race_to_create(error: &Error) -> bool {
    const RACES: [SqlState; 2] = [SqlState::DUPLICATE_TABLE, SqlState::UNIQUE_VIOLATION];
    error.code().is_some_and(|code| RACES.contains(code))
}
