//! Faults between requests, by the control API of another process: docs/faults.md.

use std::fmt;

use faults::view::{List, Past};
use serde_json::json;
use waybill_ops::error::{Context as _, Result};

/// A fault that is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    name: String,
    /// Whose processes are killed, if that is the fault.
    function: Option<String>,
}

impl Planned {
    /// The fault with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), function: None }
    }

    /// `function-killed` for this function.
    #[must_use]
    pub fn killed(function: &str) -> Self {
        Self { name: "function-killed".to_owned(), function: Some(function.to_owned()) }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.function.iter().try_for_each(|function| write!(f, " ({function})"))
    }
}

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
    pub async fn start(&self, planned: &Planned, seconds: u64) -> Result<()> {
        let parameters = match &planned.function {
            Some(function) => json!({ "for_s": seconds, "function": function }),
            None => json!({ "for_s": seconds }),
        };
        let failed = || format!("Failed to start the fault {planned}.");
        let answer = self.http.put(self.url_of(planned)).json(&parameters).send().await;
        answer.and_then(reqwest::Response::error_for_status).context(failed)?;
        Ok(())
    }

    /// Ends a fault. Does nothing if it is not in force.
    ///
    /// # Errors
    /// If the control API does not answer.
    pub async fn end(&self, planned: &Planned) -> Result<()> {
        let failed = || format!("Failed to end the fault {planned}.");
        let answer = self.http.delete(self.url_of(planned)).send().await;
        answer.and_then(reqwest::Response::error_for_status).context(failed)?;
        Ok(())
    }

    /// Every fault, and those that are over.
    pub(crate) async fn list(&self) -> Result<List> {
        let url = format!("{}/faults", self.url);
        let failed = || format!("Failed to read the faults at {url}.");
        self.http.get(&url).send().await.context(failed)?.json().await.context(failed)
    }

    fn url_of(&self, planned: &Planned) -> String {
        format!("{}/faults/{}", self.url, planned.name)
    }
}
