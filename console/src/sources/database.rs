//! The database of the stack, read-only.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};
use waybill_ops::error::{Context as _, Error, Result};

/// How long Postgres works on a query of the console.
const SETTINGS: &str = "-c default_transaction_read_only=on -c statement_timeout=3000";
/// How long the console waits for a connection or an answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// One connection, which is opened when it is needed. Queries of several pages share it.
pub(crate) struct Database {
    config: Config,
    client: Mutex<Option<Arc<Client>>>,
}

impl Database {
    /// The database at `url`. Doesn't connect yet.
    ///
    /// # Errors
    /// If the URL can't be parsed.
    pub(crate) fn new(url: &str) -> Result<Self> {
        let mut config: Config =
            url.parse().context(|| "DATABASE_URL is not a connection string.")?;
        config.options(SETTINGS).application_name("waybill-console").connect_timeout(PATIENCE);
        Ok(Self { config, client: Mutex::new(None) })
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// If Postgres can't be reached, refuses, or takes too long.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let work = async {
            let client = self.client().await?;
            client.query(sql, parameters).await.context(|| "Postgres refused a query.")
        };
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(rows) => rows,
            Err(_) => {
                // The answers of other queries on this connection may be as late.
                *self.client.lock().await = None;
                Err(Error::new("Postgres did not answer within 4 s."))
            }
        }
    }

    async fn client(&self) -> Result<Arc<Client>> {
        let mut current = self.client.lock().await;
        if let Some(client) = current.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let (client, connection) =
            self.config.connect(NoTls).await.context(|| "Postgres does not answer.")?;
        tokio::spawn(connection);
        let client = Arc::new(client);
        *current = Some(Arc::clone(&client));
        Ok(client)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

/// A column of a row.
///
/// # Errors
/// If it is missing or has another type.
pub(crate) fn column<'r, T: tokio_postgres::types::FromSql<'r>>(
    row: &'r Row,
    name: &str,
) -> Result<T> {
    row.try_get(name).context(|| format!("Failed to read the column {name}."))
}
