//! The resources of AWS that the functions use.

use super::environment::{Config, ConfigError};

impl Config {
    /// The variable that names a file of trusted roots instead of Amazon's, and the file
    /// (`AWS_CA_BUNDLE` or `SSL_CERT_FILE`).
    pub(crate) fn ca_bundle(&self) -> Option<(&'static str, String)> {
        ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
            .into_iter()
            .find_map(|variable| Some((variable, self.optional(variable)?)))
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
