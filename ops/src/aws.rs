//! AWS clients for an emulator.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedHttpClient};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tokio::process::Command;

use crate::config::{Config, SERVICES};
use crate::error::{Error, Result};

/// An emulator: its endpoint, and the credentials to sign with.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The endpoint of all services that have none of their own.
    pub endpoint: String,
    /// The region of URLs, ARNs and signatures.
    pub region: String,
    /// The access key and its secret.
    pub credentials: (String, String),
    service_endpoints: BTreeMap<&'static str, String>,
}

impl Aws {
    /// The emulator at `endpoint`. The caller's credentials are only used for the endpoint in
    /// `AWS_ENDPOINT_URL`.
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

    /// The same emulator for all services, without endpoints of single services.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.service_endpoints.clear();
        self
    }

    /// The variables of a process that uses this emulator.
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

    /// Sets the variables for a process, and removes others that the caller's environment has.
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

    /// The client configuration of one service, named as in `AWS_ENDPOINT_URL_<SERVICE>`.
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

/// Fails if the endpoint is one of AWS, which local commands never use.
///
/// # Errors
/// If the endpoint is one of AWS.
pub fn refuse_the_cloud(endpoint: &str) -> Result<()> {
    if endpoint.contains("amazonaws.com") {
        return Err(Error::new(format!(
            "AWS_ENDPOINT_URL is {endpoint}, which is AWS. Local stacks need an emulator. Use \
             `make deploy` for AWS."
        )));
    }
    Ok(())
}
