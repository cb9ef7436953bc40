//! The runner's own use of Postgres: to see whether it answers, and to seed it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use crate::error::{Context as _, Result};

/// A database, by its URL.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    url: String,
}

impl Database {
    /// Nothing is connected yet.
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    /// Whether it takes connections.
    pub(crate) async fn answers(&self) -> bool {
        self.connect().await.is_ok()
    }

    /// Makes a database on this server, unless it exists.
    ///
    /// # Errors
    /// What Postgres said.
    pub(crate) async fn create(&self, name: &str) -> Result<()> {
        let client = self.connect().await?;
        let exists = client
            .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name])
            .await
            .context(|| "Cannot list the databases.")?;
        if exists.is_none() {
            client
                .batch_execute(&format!("CREATE DATABASE {name}"))
                .await
                .context(|| format!("Cannot create the database {name}."))?;
        }
        Ok(())
    }

    /// Runs the seed, unless there are products; whether it did.
    ///
    /// # Errors
    /// What Postgres said to the seed.
    pub(crate) async fn seed(&self, file: &Path) -> Result<bool> {
        let client = self.connect().await?;
        let empty = client
            .query_one("SELECT NOT EXISTS (SELECT FROM products)", &[])
            .await
            .context(|| "Cannot look into the table of products; were the migrations applied?")?;
        if !empty.get::<_, bool>(0) {
            return Ok(false);
        }
        let seed =
            fs::read_to_string(file).context(|| format!("Cannot read {}.", file.display()))?;
        client.batch_execute(&seed).await.context(|| format!("{} failed.", file.display()))?;
        Ok(true)
    }

    async fn connect(&self) -> Result<Client> {
        let connecting = tokio_postgres::connect(&self.url, NoTls);
        let (client, connection) = tokio::time::timeout(Duration::from_secs(5), connecting)
            .await
            .context(|| "Postgres did not answer within 5 s.")?
            .context(|| "Cannot connect to Postgres; is DATABASE_URL right, and does it run?")?;
        tokio::spawn(connection);
        Ok(client)
    }
}
