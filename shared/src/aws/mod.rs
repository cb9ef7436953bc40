//! Calls to AWS: JSON over HTTPS, signed and retried.
//!
//! Built from parts of AWS's SDK, without its generated clients: with them, one call took half of the
//! instructions of an order (decision 1).

mod call;
mod roots;

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_runtime_api::client::identity::Identity;

use crate::BoxError;
use crate::config::{AwsConfig, AwsEndpoints};

pub use call::CallError;
pub(crate) use call::{Client, Limits};

/// A region of AWS or an emulator, with credentials. Clones share connections.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

struct Inner {
    config: AwsConfig,
    identity: Identity,
    connector: Connector,
}

/// One of AWS's services, as its calls name it.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    /// Its name in errors.
    name: &'static str,
    /// Its name in signatures.
    signing_name: &'static str,
    /// The first part of its host name.
    host: &'static str,
    /// The prefix of `X-Amz-Target`. None if a path names the action.
    target: Option<&'static str>,
    /// The content type of its requests: its version of AWS's JSON protocol.
    content_type: &'static str,
    /// Its own endpoint, if a variable names one.
    endpoint: fn(&AwsEndpoints) -> Option<&String>,
}

#[cfg(feature = "dynamodb")]
pub(crate) const DYNAMODB: Service = Service {
    name: "DynamoDB",
    signing_name: "dynamodb",
    host: "dynamodb",
    target: Some("DynamoDB_20120810"),
    content_type: "application/x-amz-json-1.0",
    endpoint: |endpoints| endpoints.dynamodb.as_ref(),
};

#[cfg(feature = "eventbridge")]
pub(crate) const EVENTBRIDGE: Service = Service {
    name: "EventBridge",
    signing_name: "events",
    host: "events",
    target: Some("AWSEvents"),
    content_type: "application/x-amz-json-1.1",
    endpoint: |endpoints| endpoints.eventbridge.as_ref(),
};

#[cfg(feature = "ses")]
pub(crate) const SES: Service = Service {
    name: "SES",
    signing_name: "ses",
    host: "email",
    target: None,
    content_type: "application/json",
    endpoint: |endpoints| endpoints.sesv2.as_ref(),
};

#[cfg(feature = "sqs")]
pub(crate) const SQS: Service = Service {
    name: "SQS",
    signing_name: "sqs",
    host: "sqs",
    target: Some("AmazonSQS"),
    content_type: "application/x-amz-json-1.0",
    endpoint: |endpoints| endpoints.sqs.as_ref(),
};

impl Aws {
    /// Makes no call yet.
    ///
    /// TLS is rustls on ring. It trusts Amazon's roots, or those that `AWS_CA_BUNDLE` or
    /// `SSL_CERT_FILE` name. Reading the machine's roots took a third of a start.
    ///
    /// # Errors
    /// If the file that one of these variables names can't be read.
    pub fn new(config: AwsConfig) -> Result<Self, BoxError> {
        let trust = roots::trust(config.ca_bundle.as_ref())?;
        let connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(TlsContext::builder().with_trust_store(trust).build()?)
            .build();
        let credentials = Credentials::new(
            config.access_key_id.clone(),
            config.secret_access_key.clone(),
            config.session_token.clone(),
            None,
            "environment",
        );
        Ok(Self(Arc::new(Inner { identity: credentials.into(), connector, config })))
    }

    /// A client of `service`.
    pub(crate) fn client(&self, service: Service, limits: Limits) -> Client {
        Client::new(self.clone(), service, limits)
    }

    /// The URL that calls of `service` go to.
    fn endpoint(&self, service: Service) -> String {
        let AwsConfig { region, endpoints, .. } = &self.0.config;
        if let Some(url) = (service.endpoint)(endpoints).or(endpoints.all.as_ref()) {
            return url.clone();
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://{}.{region}.{domain}", service.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(region: &str, endpoints: AwsEndpoints) -> Aws {
        Aws::new(AwsConfig {
            region: region.to_owned(),
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
            endpoints,
            ca_bundle: None,
        })
        .unwrap()
    }

    #[test]
    fn a_service_is_called_in_its_region_or_where_a_variable_says() {
        let of_aws = aws("eu-central-1", AwsEndpoints::default());
        assert_eq!(of_aws.endpoint(SQS), "https://sqs.eu-central-1.amazonaws.com");
        assert_eq!(of_aws.endpoint(EVENTBRIDGE), "https://events.eu-central-1.amazonaws.com");
        assert_eq!(of_aws.endpoint(SES), "https://email.eu-central-1.amazonaws.com");
        let of_china = aws("cn-north-1", AwsEndpoints::default());
        assert_eq!(of_china.endpoint(DYNAMODB), "https://dynamodb.cn-north-1.amazonaws.com.cn");
        let endpoints = AwsEndpoints {
            all: Some("http://127.0.0.1:4566".to_owned()),
            sqs: Some("http://127.0.0.1:9324".to_owned()),
            ..AwsEndpoints::default()
        };
        let emulator = aws("eu-central-1", endpoints);
        assert_eq!(emulator.endpoint(SQS), "http://127.0.0.1:9324");
        assert_eq!(emulator.endpoint(DYNAMODB), "http://127.0.0.1:4566");
    }
}
