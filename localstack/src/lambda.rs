//! The Lambda API of an emulator and of `cargo lambda watch`. Neither checks signatures, so plain HTTP
//! does.

use std::time::Duration;

use serde_json::Value;
use waybill_ops::error::{Context as _, Error, Result};

/// More than any function of the template may take; and when it is over, the jobs of a batch are
/// visible in the queue again.
const INVOCATION_LIMIT: Duration = Duration::from_mins(3);

/// Invokes a function and waits for its answer. Emulators and `cargo lambda watch` take the call of
/// the Lambda API as it is, and look at no signature.
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
        .context(|| format!("The function {function} cannot be invoked at {base}."))?;
    let status = answer.status();
    let failed = answer.headers().contains_key("x-amz-function-error");
    let text = answer.text().await.context(|| format!("{function} broke off its answer."))?;
    if failed || !status.is_success() {
        return Err(Error::new(format!("The function {function} failed ({status}): {text}")));
    }
    let value: Value = serde_json::from_str(&text)
        .context(|| format!("{function} answered no JSON, but {text:?}."))?;
    // `cargo lambda watch` hands a handler's error on with status 200.
    match value.get("errorType").zip(value.get("errorMessage")) {
        Some(_) => Err(Error::new(format!("The function {function} failed: {text}"))),
        None => Ok(value),
    }
}

/// What a function has in its environment under `name`, from the Lambda API of an emulator, which
/// looks at no signature.
///
/// # Errors
/// If there is no such function, or no such variable.
pub(crate) async fn function_variable(base: &str, function: &str, name: &str) -> Result<String> {
    let url = format!("{base}/2015-03-31/functions/{function}/configuration");
    let failed = || format!("The configuration of {function} cannot be read.");
    let answer = reqwest::get(&url).await.context(failed)?;
    let configuration: Value = answer.json().await.context(failed)?;
    let variable = configuration.pointer("/Environment/Variables").and_then(|all| all.get(name));
    let value = variable.and_then(Value::as_str).map(str::to_owned);
    value.ok_or_else(|| Error::new(format!("{function} has no {name}.")))
}
