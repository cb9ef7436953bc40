//! The configuration of AWS clients, and the resources that they use.

use super::environment::{Config, ConfigError};

/// Region, credentials and endpoints. Has no `Debug`, since it holds a secret.
#[derive(Clone)]
pub struct AwsConfig {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`; Lambda always sets it.
    pub session_token: Option<String>,
    /// Endpoints instead of AWS's own.
    pub endpoints: AwsEndpoints,
    /// The variable that names a file of trusted roots instead of Amazon's, and the file.
    pub ca_bundle: Option<(&'static str, String)>,
}

/// Endpoints instead of AWS's own, for one service or for all.
#[derive(Clone, Debug, Default)]
pub struct AwsEndpoints {
    /// `AWS_ENDPOINT_URL`.
    pub all: Option<String>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`.
    pub dynamodb: Option<String>,
    /// `AWS_ENDPOINT_URL_EVENTBRIDGE`.
    pub eventbridge: Option<String>,
    /// `AWS_ENDPOINT_URL_SESV2`.
    pub sesv2: Option<String>,
    /// `AWS_ENDPOINT_URL_SQS`.
    pub sqs: Option<String>,
}

impl Config {
    /// Region, credentials and endpoints, from the variables that AWS tools use. Lambda sets the first
    /// four for every function.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn aws(&self) -> Result<AwsConfig, ConfigError> {
        Ok(AwsConfig {
            region: self.required("AWS_REGION", "a region, such as eu-central-1")?,
            access_key_id: self.required("AWS_ACCESS_KEY_ID", "the id of an access key")?,
            secret_access_key: self.required("AWS_SECRET_ACCESS_KEY", "the key's secret")?,
            session_token: self.optional("AWS_SESSION_TOKEN"),
            endpoints: AwsEndpoints {
                all: self.optional("AWS_ENDPOINT_URL"),
                dynamodb: self.optional("AWS_ENDPOINT_URL_DYNAMODB"),
                eventbridge: self.optional("AWS_ENDPOINT_URL_EVENTBRIDGE"),
                sesv2: self.optional("AWS_ENDPOINT_URL_SESV2"),
                sqs: self.optional("AWS_ENDPOINT_URL_SQS"),
            },
            ca_bundle: ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
                .into_iter()
                .find_map(|variable| Some((variable, self.optional(variable)?))),
        })
    }

    /// The URL of the fulfillment queue.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn fulfillment_queue_url(&self) -> Result<String, ConfigError> {
        self.required("FULFILLMENT_QUEUE_URL", "the URL of an SQS queue")
    }

    /// The name of the event bus.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn event_bus_name(&self) -> Result<String, ConfigError> {
        self.required("EVENT_BUS_NAME", "the name of an EventBridge bus")
    }

    /// The name of the product cache's table.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn product_cache_table(&self) -> Result<String, ConfigError> {
        self.required("PRODUCT_CACHE_TABLE", "the name of a DynamoDB table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_that_is_missing_or_empty_is_named() {
        let config = Config { lookup: |_| None };
        assert_eq!(
            config.fulfillment_queue_url().unwrap_err().to_string(),
            "FULFILLMENT_QUEUE_URL is not set; it should hold the URL of an SQS queue"
        );
        let config = Config { lookup: |_| Some(String::new()) };
        assert!(config.product_cache_table().is_err());
    }
}
