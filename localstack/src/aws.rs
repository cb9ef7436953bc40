//! AWS clients towards an emulator, and the one call that needs no client: invoking a function.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::config::{Config, SERVICES};
use crate::error::{Context as _, Error, Result};

/// More than any function of the template may take; and when it is over, the jobs of a batch are
/// visible in the queue again.
const INVOCATION_LIMIT: Duration = Duration::from_mins(3);

/// Where an emulator is, and how to sign for it.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    /// The endpoint of every service that has none of its own.
    pub(crate) endpoint: String,
    /// The region, for URLs and ARNs as much as for signatures.
    pub(crate) region: String,
    /// The access key and its secret.
    pub(crate) credentials: (String, String),
    service_endpoints: BTreeMap<&'static str, String>,
}

impl Aws {
    /// The emulator at `endpoint`. The caller's credentials are for the one that was given, if one was.
    pub(crate) fn at(config: &Config, endpoint: &str) -> Self {
        let own = || ("test".to_owned(), "test".to_owned());
        let given = config.endpoint_url.as_deref() == Some(endpoint);
        Self {
            endpoint: endpoint.to_owned(),
            region: config.region.clone(),
            credentials: config.credentials.clone().filter(|_| given).unwrap_or_else(own),
            service_endpoints: config.service_endpoints.clone(),
        }
    }

    /// The same without the endpoints of single services, for a stack that must be whole.
    pub(crate) fn alone(mut self) -> Self {
        self.service_endpoints.clear();
        self
    }

    /// What every process that talks to this emulator needs in its environment.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_ACCESS_KEY_ID", self.credentials.0.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.credentials.1.clone()),
        ]
    }

    /// Points a process at this emulator, and away from whatever else the caller's environment names.
    pub(crate) fn point(&self, command: &mut Command) {
        command.envs(self.environment()).env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
        for name in SERVICES {
            let variable = format!("AWS_ENDPOINT_URL_{name}");
            match self.service_endpoints.get(name) {
                Some(endpoint) => command.env(variable, endpoint),
                None => command.env_remove(variable),
            };
        }
    }

    /// The configuration of one service's client, named as in `AWS_ENDPOINT_URL_<SERVICE>`.
    pub(crate) async fn service(&self, name: &str) -> SdkConfig {
        let endpoint = self.service_endpoints.get(name).unwrap_or(&self.endpoint);
        let (key, secret) = &self.credentials;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(endpoint)
            .region(Region::new(self.region.clone()))
            .credentials_provider(Credentials::new(key, secret, None, None, "waybill-local"))
            .load()
            .await
    }
}

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
