//! Settings of a session.

use futures_util::future::try_join_all;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::config::DatabaseEngine;

/// The settings of a session on Aurora DSQL, which keeps none for a role. `sql/settings.sql` has the
/// reasons. There is no `statement_timeout`: DSQL refuses it.
const ON_DSQL: [&str; 2] = ["lock_timeout = '3s'", "plan_cache_mode = force_generic_plan"];

/// Prepares a session of the service. On Postgres its role has the settings, and nothing is sent: a
/// `SET` would pin a client to one connection of a proxy.
pub(super) async fn prepare(client: &Client, engine: DatabaseEngine) -> Result<(), Error> {
    match engine {
        DatabaseEngine::Postgres => Ok(()),
        DatabaseEngine::Dsql => set(client, engine, &ON_DSQL).await,
    }
}

/// Sends `SET` for each of `settings`, all in one round trip. A setting that DSQL refuses keeps its
/// value: which ones it takes is documented nowhere, and none changes what a statement does.
pub(super) async fn set(
    client: &Client,
    engine: DatabaseEngine,
    settings: &[&str],
) -> Result<(), Error> {
    let set = settings.iter().map(async |setting| {
        match client.batch_execute(&format!("SET {setting}")).await {
            Err(error) if engine == DatabaseEngine::Dsql && is_refusal(&error) => {
                tracing::debug!(setting, "the database refused a setting");
                Ok(())
            }
            answer => answer,
        }
    });
    try_join_all(set).await.map(drop)
}

/// DSQL's answer to a `SET` that it does not support.
fn is_refusal(error: &Error) -> bool {
    error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_on_dsql_has_the_settings_that_the_role_has_on_postgres() {
        let of_the_role = include_str!("../../../sql/settings.sql").replace("''", "\"");
        for setting in ON_DSQL {
            assert!(of_the_role.contains(&setting.replace('\'', "\"")), "{setting}");
        }
    }
}
