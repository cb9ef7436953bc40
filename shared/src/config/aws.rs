//! Where AWS is, and who calls it.

use super::{Config, ConfigError};

/// What every call to AWS needs. Holds a secret, and so does not print.
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
    /// Endpoints in place of AWS's own.
    pub endpoints: AwsEndpoints,
    /// The file of roots to trust in place of Amazon's own, and the variable that names it.
    pub ca_bundle: Option<(&'static str, String)>,
}

/// Endpoints in place of AWS's own: of one service, or else of all of them.
#[derive(Clone, Debug, Default)]
pub struct AwsEndpoints {
    /// `AWS_ENDPOINT_URL`.
    pub all: Option<String>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`.
    pub dynamodb: Option<String>,
    /// `AWS_ENDPOINT_URL_EVENTBRIDGE`.
    pub eventbridge: Option<String>,
    /// `AWS_ENDPOINT_URL_SQS`.
    pub sqs: Option<String>,
}

impl Config {
    /// Region, credentials and endpoints from the variables that AWS's own tools use. Lambda sets the
    /// first four for every function.
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
                sqs: self.optional("AWS_ENDPOINT_URL_SQS"),
            },
            ca_bundle: ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
                .into_iter()
                .find_map(|variable| Some((variable, self.optional(variable)?))),
        })
    }
}
