//! AWS clients, and queues and tables of a test's own.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde_json::{Value, json};

use crate::eventually;

/// The configuration that the environment describes.
pub async fn config() -> SdkConfig {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await
}

/// The same configuration with another endpoint.
///
/// It is built from parts: a configuration that was loaded from the environment would use the
/// environment's endpoint.
#[must_use]
pub fn at(endpoint: &str, config: &SdkConfig) -> SdkConfig {
    SdkConfig::builder()
        .endpoint_url(endpoint)
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(config.credentials_provider().unwrap())
        .http_client(config.http_client().unwrap())
        .region(config.region().cloned())
        .sleep_impl(config.sleep_impl().unwrap())
        .time_source(config.time_source().unwrap())
        .build()
}

/// A queue.
pub struct Queue {
    /// Its URL.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    sqs: aws_sdk_sqs::Client,
}

impl Queue {
    /// Creates a queue with these attributes.
    pub async fn create(
        sqs: &aws_sdk_sqs::Client,
        name: &str,
        attributes: &[(QueueAttributeName, &str)],
    ) -> Self {
        let mut call = sqs.create_queue().queue_name(name);
        for (name, value) in attributes {
            call = call.attributes(name.clone(), *value);
        }
        let url = call.send().await.unwrap().queue_url.unwrap();
        let mut queue = Self { url, arn: String::new(), sqs: sqs.clone() };
        queue.arn = queue.attribute(QueueAttributeName::QueueArn).await;
        queue
    }

    /// The value of an attribute.
    pub async fn attribute(&self, name: QueueAttributeName) -> String {
        let [value] = self.attributes([name]).await;
        value
    }

    /// Whether it has no messages, visible or in flight.
    pub async fn is_empty(&self) -> bool {
        // In one call: between two, a message in flight may become visible.
        let numbers = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        self.attributes(numbers).await == ["0", "0"]
    }

    async fn attributes<const N: usize>(&self, names: [QueueAttributeName; N]) -> [String; N] {
        let call = self.sqs.get_queue_attributes().queue_url(&self.url);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
        let mut values = answer.attributes.unwrap();
        names.map(|name| values.remove(&name).unwrap())
    }

    /// Subscribes it to events on `bus` that match `pattern`. The id of the rule's target is `queue`.
    pub async fn subscribe(
        &self,
        eventbridge: &aws_sdk_eventbridge::Client,
        bus: &str,
        rule: &str,
        pattern: &Value,
    ) {
        let allow = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "events.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": self.arn,
            }],
        });
        let call = self.sqs.set_queue_attributes().queue_url(&self.url);
        call.attributes(QueueAttributeName::Policy, allow.to_string()).send().await.unwrap();
        let call = eventbridge.put_rule().event_bus_name(bus).name(rule);
        call.event_pattern(pattern.to_string()).send().await.unwrap();
        let target = Target::builder().id("queue").arn(&self.arn).build().unwrap();
        let call = eventbridge.put_targets().event_bus_name(bus).rule(rule).targets(target);
        let put = call.send().await.unwrap();
        assert_eq!(put.failed_entry_count, 0, "{put:?}");
    }
}

/// Creates a table with the key `pk`, like the product cache.
pub async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str) {
    let attribute =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash);
    dynamodb
        .create_table()
        .table_name(name)
        .attribute_definitions(attribute.build().unwrap())
        .key_schema(key.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
    eventually(&format!("the table {name} is active"), async || {
        let described = dynamodb.describe_table().table_name(name).send().await.unwrap();
        (described.table.unwrap().table_status == Some(TableStatus::Active)).then_some(())
    })
    .await;
}
