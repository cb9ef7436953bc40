//! AWS clients for an emulator.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedHttpClient};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tokio::process::Command;

use crate::config::{Config, SERVICES};
use crate::error::{Error, Result};

/// Where an emulator is, and how to sign for it.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The endpoint of every service that has none of its own.
    pub endpoint: String,
    /// The region, for URLs and ARNs as much as for signatures.
    pub region: String,
    /// The access key and its secret.
    pub credentials: (String, String),
    service_endpoints: BTreeMap<&'static str, String>,
}

impl Aws {
    /// The emulator at `endpoint`. The caller's credentials are for the one that was given, if one was.
    #[must_use]
    pub fn at(config: &Config, endpoint: &str) -> Self {
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
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.service_endpoints.clear();
        self
    }

    /// What every process that talks to this emulator needs in its environment.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_ACCESS_KEY_ID", self.credentials.0.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.credentials.1.clone()),
        ]
    }

    /// Points a process at this emulator, and away from whatever else the caller's environment names.
    pub fn point(&self, command: &mut Command) {
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
    pub async fn service(&self, name: &str) -> SdkConfig {
        let endpoint = self.service_endpoints.get(name).unwrap_or(&self.endpoint);
        let (key, secret) = &self.credentials;
        aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client())
            .endpoint_url(endpoint)
            .region(Region::new(self.region.clone()))
            .credentials_provider(Credentials::new(key, secret, None, None, "waybill-local"))
            .load()
            .await
    }
}

/// An HTTP client with rustls on ring, for any AWS client.
pub(crate) fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Fails if the endpoint is one of AWS: local commands never touch it.
///
/// # Errors
/// If the endpoint is one of AWS.
pub fn refuse_the_cloud(endpoint: &str) -> Result<()> {
    if endpoint.contains("amazonaws.com") {
        return Err(Error::new(format!(
            "AWS_ENDPOINT_URL is {endpoint}, which is AWS. Local stacks are for emulators; use \
             `make deploy` for the cloud."
        )));
    }
    Ok(())
}
