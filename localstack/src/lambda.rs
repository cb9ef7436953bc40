//! The Lambda API of an emulator and of `cargo lambda watch`. Neither checks signatures, so plain HTTP
//! does.

use std::time::Duration;

use serde_json::{Value, json};
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

/// Has an emulator bound the batches that it hands over at once as the template says. Its
/// `CloudFormation` leaves a number that comes from a parameter as text, at which its poller fails, and
/// then no message arrives.
///
/// # Errors
/// If the event source mappings cannot be listed or updated.
pub(crate) async fn bound_event_sources(base: &str) -> Result<()> {
    let url = format!("{base}/2015-03-31/event-source-mappings");
    let failed = || "The event source mappings of the emulator cannot be updated.";
    let listed = reqwest::get(&url).await.context(failed)?;
    let listed: Value = listed.error_for_status().context(failed)?.json().await.context(failed)?;
    let client = reqwest::Client::new();
    for (id, most) in bounds(&listed) {
        let scaling = json!({ "ScalingConfig": { "MaximumConcurrency": most } });
        let updated = client.put(format!("{url}/{id}")).json(&scaling).send().await;
        updated.and_then(reqwest::Response::error_for_status).context(failed)?;
    }
    Ok(())
}

/// The ids of the mappings whose bound is a number in text, and the number.
fn bounds(listed: &Value) -> Vec<(&str, u32)> {
    let mappings = listed.get("EventSourceMappings").and_then(Value::as_array);
    let bounds = mappings.into_iter().flatten().filter_map(|mapping| {
        let most = mapping.pointer("/ScalingConfig/MaximumConcurrency")?.as_str()?;
        Some((mapping.get("UUID")?.as_str()?, most.parse().ok()?))
    });
    bounds.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_are_text_are_made_numbers_and_others_are_left_alone() {
        let listed = json!({ "EventSourceMappings": [
            { "UUID": "a", "ScalingConfig": { "MaximumConcurrency": "8" } },
            { "UUID": "b", "ScalingConfig": { "MaximumConcurrency": 8 } },
            { "UUID": "c", "ScalingConfig": {} },
            { "UUID": "d" },
        ]});
        assert_eq!(bounds(&listed), [("a", 8)]);
        assert!(bounds(&json!({})).is_empty());
    }
}
