//! A connection to the stack's Postgres that is opened again after a fault.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row};
use waybill_ops::error::{Context as _, Result};

/// How long opening a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// A database, for reading.
pub(crate) struct Database {
    url: String,
    client: Mutex<Option<Client>>,
}

impl Database {
    /// The database at this URL. Nothing is opened yet.
    #[must_use]
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), client: Mutex::new(None) }
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub(crate) async fn query(
        &self,
        statement: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let mut held = self.client.lock().await;
        // Not put back if it is dropped in the middle.
        let client = match held.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.connect().await?,
        };
        let rows = client.query(statement, arguments).await;
        let rows = rows.context(|| "Failed to read the database.")?;
        *held = Some(client);
        Ok(rows)
    }

    /// The number that a statement returns.
    ///
    /// # Errors
    /// If Postgres does not answer, or with something else.
    pub(crate) async fn number(&self, statement: &str) -> Result<i64> {
        let rows = self.query(statement, &[]).await?;
        let number = rows.first().map(|row| row.try_get(0)).transpose();
        Ok(number.context(|| "The database returned no number.")?.unwrap_or_default())
    }

    async fn connect(&self) -> Result<Client> {
        let failed = || "Failed to connect to the database in DATABASE_URL.";
        let connect = tokio_postgres::connect(&self.url, NoTls);
        let connected = tokio::time::timeout(CONNECT_LIMIT, connect).await.context(failed)?;
        let (client, connection) = connected.context(failed)?;
        tokio::spawn(connection);
        Ok(client)
    }
}
