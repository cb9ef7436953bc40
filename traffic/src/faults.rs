//! Faults between requests, by the control API of another process: docs/faults.md.

use faults::view::{List, Past};
use serde_json::json;
use waybill_ops::error::{Context as _, Result};

/// The faults at `FAULTS_URL`.
#[derive(Debug, Clone)]
pub struct Faults {
    url: String,
    http: reqwest::Client,
}

impl Faults {
    /// The faults at this URL.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), http: reqwest::Client::new() }
    }

    /// The names of all faults.
    ///
    /// # Errors
    /// If the control API does not answer.
    pub async fn names(&self) -> Result<Vec<String>> {
        Ok(self.list().await?.faults.into_iter().map(|fault| fault.name).collect())
    }

    /// The faults that are over, oldest first.
    ///
    /// # Errors
    /// If the control API does not answer.
    pub async fn past(&self) -> Result<Vec<Past>> {
        Ok(self.list().await?.history)
    }

    /// Starts a fault for this many seconds.
    ///
    /// # Errors
    /// If the control API refuses or does not answer.
    pub async fn start(&self, name: &str, seconds: u64) -> Result<()> {
        let url = format!("{}/faults/{name}", self.url);
        let failed = || format!("Failed to start the fault {name}.");
        let answer = self.http.put(&url).json(&json!({ "for_s": seconds })).send();
        answer.await.and_then(reqwest::Response::error_for_status).context(failed)?;
        Ok(())
    }

    async fn list(&self) -> Result<List> {
        let url = format!("{}/faults", self.url);
        let failed = || format!("Failed to read the faults at {url}.");
        self.http.get(&url).send().await.context(failed)?.json().await.context(failed)
    }
}
