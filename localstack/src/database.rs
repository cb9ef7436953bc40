//! The runner's own use of Postgres: to see whether it answers, and to seed it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::{Client, NoTls};
use waybill_ops::error::{Context as _, Error, Result};

/// A database, by its URL.
#[derive(Debug, Clone)]
pub struct Database {
    url: String,
}

impl Database {
    /// Nothing is connected yet.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    /// The database that somebody has running, if it can be used for a local stack.
    ///
    /// # Errors
    /// If the URL is none, or asks for TLS, or nothing answers there.
    pub async fn given(url: &str) -> Result<Self> {
        check_url(url)?;
        let database = Self::new(url);
        database.connect().await.map(|_| database).context(|| {
            "DATABASE_URL is set, and no Postgres answers there. Start it, or unset DATABASE_URL to \
             have one started for you."
        })
    }

    /// Whether it takes connections.
    pub async fn answers(&self) -> bool {
        self.connect().await.is_ok()
    }

    /// Makes a database on this server, unless it exists.
    ///
    /// # Errors
    /// What Postgres said.
    pub async fn create(&self, name: &str) -> Result<()> {
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

    /// The one column of a query, which is text.
    ///
    /// # Errors
    /// What Postgres said.
    pub async fn texts(&self, query: &str) -> Result<Vec<String>> {
        let failed = || format!("Cannot read what was asked for: {query}.");
        let rows = self.connect().await?.query(query, &[]).await.context(failed)?;
        rows.iter().map(|row| row.try_get(0).context(failed)).collect()
    }

    /// Runs the seed, unless there are products; whether it did.
    ///
    /// # Errors
    /// What Postgres said to the seed.
    pub async fn seed(&self, file: &Path) -> Result<bool> {
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
            .context(|| "Cannot connect to Postgres.")?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// The runner seeds through the URL, and the functions take a URL without `disable` for TLS.
fn check_url(url: &str) -> Result<()> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(Error::new(
            "DATABASE_URL must be a URL: postgres://user:password@host:port/database?sslmode=disable.",
        ));
    }
    if !url.contains("sslmode=disable") {
        return Err(Error::new(
            "DATABASE_URL is set without ?sslmode=disable. The local stack talks to its database \
             without TLS: add it, or unset DATABASE_URL to have a Postgres started for you.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_database_must_be_reachable_without_tls() {
        assert!(check_url("postgres://a@b/c?sslmode=disable").is_ok());
        assert!(check_url("postgres://a@b/c").is_err());
        assert!(check_url("mysql://a@b/c?sslmode=disable").is_err());
    }
}
