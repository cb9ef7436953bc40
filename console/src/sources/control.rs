//! Programs beside the stack that are controlled over HTTP: traffic and faults.

use reqwest::Method;
use serde_json::Value;
use waybill_ops::error::{Context as _, Error, Result};

use super::{Sources, sentence};

/// Why a program gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// `stack.env` has no address of it.
    NotStarted,
    /// It does not answer, or refused.
    Failed(String),
}

impl Sources {
    /// Calls the program whose address is in this variable of `stack.env`.
    ///
    /// # Errors
    /// If it is not there, or refuses.
    pub(crate) async fn control(
        &self,
        variable: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Trouble> {
        let env = self.env().map_err(|error| Trouble::Failed(sentence(&error)))?;
        let base = env.get(variable).map_err(|_| Trouble::NotStarted)?;
        let called = self.call(method, &format!("{base}{path}"), body).await;
        called.map_err(|error| Trouble::Failed(sentence(&error)))
    }

    async fn call(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.context(|| "It does not answer.")?;
        let status = answer.status();
        let answer: Value = answer.json().await.context(|| "Its answer is not JSON.")?;
        if status.is_success() {
            return Ok(answer);
        }
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let why = text("detail").or_else(|| text("error")).unwrap_or("no reason given");
        Err(Error::new(format!("{status}: {why}")))
    }
}
