//! Creates the queues with their dead-letter queues, the cache table, and the event bus with its rule,
//! for emulators that can't deploy the template. `localstack/ready.d` creates the same; tests compare
//! both with the template.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use aws_sdk_eventbridge::types::{DeadLetterConfig, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use waybill_ops::aws::Aws;
use waybill_ops::error::{Context as _, Error, Result};

/// The names of the fulfillment queue and of its dead-letter queue.
pub(crate) const JOBS: [&str; 2] = ["waybill-fulfillment", "waybill-fulfillment-dlq"];
/// The names of the queue of events for mail and of its dead-letter queue.
pub(crate) const MAIL: [&str; 2] = ["waybill-notification", "waybill-notification-dlq"];
/// The name of the table that caches products.
pub(crate) const TABLE: &str = "waybill-product-cache";
/// The name of the event bus.
pub(crate) const BUS: &str = "waybill";
/// The rule that sends events to the queue of mail.
pub(crate) const RULE: &str = "waybill-notification";
/// The events that it sends.
pub(crate) const PATTERN: &str = r#"{"source":["waybill"],"detail-type":["OrderPlaced","OrderConfirmed","OrderShipped","OrderDelivered","OrderCancelled"],"detail":{"v":[1]}}"#;
/// How many seconds a received message stays invisible.
pub(crate) const VISIBILITY_TIMEOUT: u32 = 180;
/// How often a message is received before it goes to the dead-letter queue.
pub(crate) const MAX_RECEIVE_COUNT: u32 = 5;
/// How many seconds a message is kept.
pub(crate) const QUEUE_RETENTION: u32 = 345_600;
/// How many seconds a dead letter is kept.
pub(crate) const DEAD_LETTER_RETENTION: u32 = 1_209_600;

/// A queue and its dead-letter queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) url: String,
    pub(crate) arn: String,
    pub(crate) dead_letter_url: String,
    pub(crate) dead_letter_arn: String,
}

/// The queues.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    /// That of jobs.
    pub(crate) jobs: Queue,
    /// That of events for mail.
    pub(crate) mail: Queue,
}

/// Creates what is missing.
///
/// # Errors
/// If the emulator refuses a call.
pub(crate) async fn create(aws: &Aws) -> Result<Queues> {
    let client = aws_sdk_sqs::Client::new(&aws.service("SQS").await);
    let jobs = create_pair(&client, JOBS).await?;
    let mail = create_pair(&client, MAIL).await?;
    create_table(aws).await?;
    create_bus(aws).await?;
    Ok(Queues { jobs, mail })
}

/// Creates a queue and its dead-letter queue.
async fn create_pair(client: &aws_sdk_sqs::Client, [name, dead]: [&str; 2]) -> Result<Queue> {
    let (dead_letter_url, dead_letter_arn) = create_queue(
        client,
        dead,
        [(QueueAttributeName::MessageRetentionPeriod, DEAD_LETTER_RETENTION.to_string())].into(),
    )
    .await?;
    let redrive =
        json!({"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": MAX_RECEIVE_COUNT});
    let attributes = [
        (QueueAttributeName::MessageRetentionPeriod, QUEUE_RETENTION.to_string()),
        (QueueAttributeName::VisibilityTimeout, VISIBILITY_TIMEOUT.to_string()),
        (QueueAttributeName::RedrivePolicy, redrive.to_string()),
    ];
    let (url, arn) = create_queue(client, name, attributes.into()).await?;
    Ok(Queue { url, arn, dead_letter_url, dead_letter_arn })
}

/// Creates a queue, then sets its attributes: it may exist with others.
async fn create_queue(
    client: &aws_sdk_sqs::Client,
    name: &str,
    attributes: HashMap<QueueAttributeName, String>,
) -> Result<(String, String)> {
    let failed = || format!("Failed to create the queue {name}.");
    let created = client.create_queue().queue_name(name).send().await.context(failed)?;
    let url = created.queue_url().unwrap_or_default().to_owned();
    client
        .set_queue_attributes()
        .queue_url(&url)
        .set_attributes(Some(attributes))
        .send()
        .await
        .context(failed)?;
    let found = client
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .context(failed)?;
    let arn = found.attributes().and_then(|it| it.get(&QueueAttributeName::QueueArn)).cloned();
    Ok((url, arn.ok_or_else(|| Error::new(format!("The queue {name} has no ARN.")))?))
}

async fn create_table(aws: &Aws) -> Result<()> {
    let client = aws_sdk_dynamodb::Client::new(&aws.service("DYNAMODB").await);
    let failed = || format!("Failed to create the table {TABLE}.");
    let status = async || {
        let found = client.describe_table().table_name(TABLE).send().await;
        found.ok().and_then(|it| it.table()?.table_status().cloned())
    };
    if status().await.is_none() {
        let key = AttributeDefinition::builder()
            .attribute_name("pk")
            .attribute_type(ScalarAttributeType::S)
            .build();
        let schema =
            KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build();
        client
            .create_table()
            .table_name(TABLE)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(key.context(failed)?)
            .key_schema(schema.context(failed)?)
            .send()
            .await
            .context(failed)?;
    }
    for _ in 0..100 {
        if status().await == Some(TableStatus::Active) {
            return enable_ttl(&client).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Error::new(format!("The table {TABLE} is not active after 10 s.")))
}

async fn enable_ttl(client: &aws_sdk_dynamodb::Client) -> Result<()> {
    let failed = || format!("Failed to enable expiry on the table {TABLE}.");
    let found = client.describe_time_to_live().table_name(TABLE).send().await.context(failed)?;
    let status = found.time_to_live_description().and_then(|it| it.time_to_live_status());
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let specification =
        TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build();
    client
        .update_time_to_live()
        .table_name(TABLE)
        .time_to_live_specification(specification.context(failed)?)
        .send()
        .await
        .context(failed)?;
    Ok(())
}

async fn create_bus(aws: &Aws) -> Result<()> {
    let client = aws_sdk_eventbridge::Client::new(&aws.service("EVENTBRIDGE").await);
    if client.describe_event_bus().name(BUS).send().await.is_ok() {
        return Ok(());
    }
    let created = client.create_event_bus().name(BUS).send().await;
    created.map(drop).context(|| format!("Failed to create the event bus {BUS}."))
}

/// Creates the rule that sends events to the queue of mail, or sets it anew.
///
/// # Errors
/// If the emulator refuses a call.
pub(crate) async fn create_rule(aws: &Aws, mail: &Queue) -> Result<()> {
    let client = aws_sdk_eventbridge::Client::new(&aws.service("EVENTBRIDGE").await);
    let failed = || format!("Failed to create the rule {RULE} on the event bus {BUS}.");
    let rule = client.put_rule().name(RULE).event_bus_name(BUS).event_pattern(PATTERN);
    rule.send().await.context(failed)?;
    let dead_letters = DeadLetterConfig::builder().arn(&mail.dead_letter_arn).build();
    let target = Target::builder().id("queue").arn(&mail.arn).dead_letter_config(dead_letters);
    let target = target.build().context(failed)?;
    let put = client.put_targets().rule(RULE).event_bus_name(BUS).targets(target).send().await;
    match put.context(failed)?.failed_entries().first() {
        None => Ok(()),
        Some(entry) => Err(entry.error_message().unwrap_or("no reason given")).context(failed),
    }
}
