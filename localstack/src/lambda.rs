//! The Lambda API of an emulator and of `cargo lambda watch`. Neither checks signatures, so plain
//! HTTP is enough.

use std::time::Duration;

use serde_json::Value;
use waybill_ops::error::{Context as _, Error, Result};

/// Longer than any timeout in the template. After it the jobs of a batch are visible in the queue
/// again.
const INVOCATION_LIMIT: Duration = Duration::from_mins(3);

/// Invokes a function and returns its answer.
///
/// # Errors
/// If there is no answer, or the function failed.
pub(crate) async fn invoke(base: &str, function: &str, event: &Value) -> Result<Value> {
    let url = format!("{base}/2015-03-31/functions/{function}/invocations");
    let answer = reqwest::Client::new()
        .post(&url)
        .timeout(INVOCATION_LIMIT)
        .json(event)
        .send()
        .await
        .context(|| format!("Failed to invoke the function {function} at {base}."))?;
    let status = answer.status();
    let failed = answer.headers().contains_key("x-amz-function-error");
    let text =
        answer.text().await.context(|| format!("Failed to read the answer of {function}."))?;
    if failed || !status.is_success() {
        return Err(Error::new(format!("The function {function} failed ({status}): {text}")));
    }
    let value: Value = serde_json::from_str(&text)
        .context(|| format!("{function} returned {text:?}, which is not JSON."))?;
    // `cargo lambda watch` answers 200 for an error of a handler as well.
    match value.get("errorType").zip(value.get("errorMessage")) {
        Some(_) => Err(Error::new(format!("The function {function} failed: {text}"))),
        None => Ok(value),
    }
}

/// The value of an environment variable of a function.
///
/// # Errors
/// If there is no such function, or no such variable.
pub(crate) async fn function_variable(base: &str, function: &str, name: &str) -> Result<String> {
    let url = format!("{base}/2015-03-31/functions/{function}/configuration");
    let failed = || format!("Failed to read the configuration of {function}.");
    let answer = reqwest::get(&url).await.context(failed)?;
    let configuration: Value = answer.json().await.context(failed)?;
    let variable = configuration.pointer("/Environment/Variables").and_then(|all| all.get(name));
    let value = variable.and_then(Value::as_str).map(str::to_owned);
    value.ok_or_else(|| Error::new(format!("{function} has no variable {name}.")))
}
