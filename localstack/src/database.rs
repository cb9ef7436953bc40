//! The runner's queries: is Postgres there, and seed it.

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
    /// A database that is not connected yet.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    /// The database in `DATABASE_URL`, if a local stack can use it.
    ///
    /// # Errors
    /// If it is not a URL, asks for TLS, or nothing answers there.
    pub async fn given(url: &str) -> Result<Self> {
        check_url(url)?;
        let database = Self::new(url);
        database.connect().await.map(|_| database).context(|| {
            "DATABASE_URL is set, but no Postgres answers there. Start it, or unset DATABASE_URL: then \
             one is started for you."
        })
    }

    /// Whether it accepts connections.
    pub async fn answers(&self) -> bool {
        self.connect().await.is_ok()
    }

    /// Creates a role that may log in, unless it exists. Its sessions have the name of the service, which
    /// the proxy before a stand-in keeps to itself.
    ///
    /// # Errors
    /// If Postgres refuses.
    pub async fn create_role(&self, name: &str) -> Result<()> {
        let client = self.connect().await?;
        let exists = client
            .query_opt("SELECT FROM pg_roles WHERE rolname = $1", &[&name])
            .await
            .context(|| "Failed to list the roles.")?;
        if exists.is_none() {
            client
                .batch_execute(&format!("CREATE ROLE {name} LOGIN"))
                .await
                .context(|| format!("Failed to create the role {name}."))?;
        }
        client
            .batch_execute(&format!("ALTER ROLE {name} SET application_name = 'waybill'"))
            .await
            .context(|| format!("Failed to change the role {name}."))
    }

    /// Creates a database on this server, unless it exists.
    ///
    /// # Errors
    /// If Postgres refuses.
    pub async fn create(&self, name: &str, owner: &str) -> Result<()> {
        let client = self.connect().await?;
        let exists = client
            .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name])
            .await
            .context(|| "Failed to list the databases.")?;
        if exists.is_none() {
            client
                .batch_execute(&format!("CREATE DATABASE {name} OWNER {owner}"))
                .await
                .context(|| format!("Failed to create the database {name}."))?;
        }
        Ok(())
    }

    /// The values of a query with one column of text.
    ///
    /// # Errors
    /// If Postgres refuses.
    pub async fn texts(&self, query: &str) -> Result<Vec<String>> {
        let failed = || format!("The query failed: {query}.");
        let rows = self.connect().await?.query(query, &[]).await.context(failed)?;
        rows.iter().map(|row| row.try_get(0).context(failed)).collect()
    }

    /// Runs the seed if there are no products. Returns whether it did.
    ///
    /// # Errors
    /// If the seed fails.
    pub async fn seed(&self, file: &Path) -> Result<bool> {
        let client = self.connect().await?;
        let empty = client
            .query_one("SELECT NOT EXISTS (SELECT FROM products)", &[])
            .await
            .context(|| "Failed to read the table of products. Were the migrations applied?")?;
        if !empty.get::<_, bool>(0) {
            return Ok(false);
        }
        let seed =
            fs::read_to_string(file).context(|| format!("Failed to read {}.", file.display()))?;
        client.batch_execute(&seed).await.context(|| format!("{} failed.", file.display()))?;
        Ok(true)
    }

    async fn connect(&self) -> Result<Client> {
        let connecting = tokio_postgres::connect(&self.url, NoTls);
        let (client, connection) = tokio::time::timeout(Duration::from_secs(5), connecting)
            .await
            .context(|| "Postgres did not answer within 5 s.")?
            .context(|| "Failed to connect to Postgres.")?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// Checks that the URL disables TLS: the runner can't use it, and functions use it without `disable`.
fn check_url(url: &str) -> Result<()> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(Error::new(
            "DATABASE_URL must be a URL: postgres://user:password@host:port/database?sslmode=disable.",
        ));
    }
    if !url.contains("sslmode=disable") {
        return Err(Error::new(
            "DATABASE_URL lacks ?sslmode=disable. A local stack uses its database without TLS. Add it, \
             or unset DATABASE_URL: then a Postgres is started for you.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_must_be_used_without_tls() {
        assert!(check_url("postgres://a@b/c?sslmode=disable").is_ok());
        assert!(check_url("postgres://a@b/c").is_err());
        assert!(check_url("mysql://a@b/c?sslmode=disable").is_err());
    }
}
