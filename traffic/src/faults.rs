//! Faults between requests, by the control API of another process.

use serde_json::{Value, json};
use waybill_ops::error::{Context as _, Error, Result};

/// A source of faults.
pub trait Faults: Send + Sync {
    /// The names of all faults.
    fn names(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Puts a fault in force for this many seconds.
    fn start(&self, name: &str, seconds: u64) -> impl Future<Output = Result<()>> + Send;

    /// How often a fault has struck since it was last started.
    fn struck(&self, name: &str) -> impl Future<Output = Result<u64>> + Send;
}

/// The faults at `FAULTS_URL`: `GET /faults` lists them with how often each struck, and
/// `PUT /faults/{name}` with `{"for_s": …}` starts one.
#[derive(Debug, Clone)]
pub struct RemoteFaults {
    url: String,
    http: reqwest::Client,
}

impl RemoteFaults {
    /// The faults at this URL.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), http: reqwest::Client::new() }
    }

    async fn list(&self) -> Result<Vec<(String, u64)>> {
        let url = format!("{}/faults", self.url);
        let failed = || format!("Failed to read the faults at {url}.");
        let answer = self.http.get(&url).send().await.context(failed)?;
        let list: Value = answer.json().await.context(failed)?;
        parse(&list)
            .ok_or_else(|| Error::new(format!("{url} answered {list}, not a list of faults.")))
    }
}

/// The names and counts in `{"faults": [{"name", "struck"}]}`, or in the list alone.
fn parse(list: &Value) -> Option<Vec<(String, u64)>> {
    let faults = list.get("faults").unwrap_or(list).as_array()?;
    let one = |fault: &Value| {
        Some((fault.get("name")?.as_str()?.to_owned(), fault.get("struck")?.as_u64()?))
    };
    faults.iter().map(one).collect()
}

impl Faults for RemoteFaults {
    async fn names(&self) -> Result<Vec<String>> {
        Ok(self.list().await?.into_iter().map(|(name, _)| name).collect())
    }

    async fn start(&self, name: &str, seconds: u64) -> Result<()> {
        let url = format!("{}/faults/{name}", self.url);
        let failed = || format!("Failed to start the fault {name}.");
        let answer = self.http.put(&url).json(&json!({ "for_s": seconds })).send();
        answer.await.and_then(reqwest::Response::error_for_status).context(failed)?;
        Ok(())
    }

    async fn struck(&self, name: &str) -> Result<u64> {
        let found = self.list().await?.into_iter().find(|(fault, _)| fault == name);
        found
            .map(|(_, struck)| struck)
            .ok_or_else(|| Error::new(format!("There is no fault {name}.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_with_how_often_they_struck() {
        let list = json!({ "faults": [{ "name": "postgres-slow", "struck": 3, "left_s": 0 }] });
        assert_eq!(parse(&list), Some(vec![("postgres-slow".to_owned(), 3)]));
        assert_eq!(parse(&json!([{ "name": "a", "struck": 0 }])), Some(vec![("a".to_owned(), 0)]));
        assert_eq!(parse(&json!({ "faults": [{ "name": "a" }] })), None);
        assert_eq!(parse(&json!("no")), None);
    }
}
