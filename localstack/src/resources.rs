//! The queue, its dead-letter queue, the cache table and the bus, for emulators that the template
//! cannot be deployed to. Made as `localstack/ready.d` makes them; a test holds both to the template.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use waybill_ops::aws::Aws;
use waybill_ops::error::{Context as _, Error, Result};

/// The name of the fulfilment queue.
pub(crate) const QUEUE: &str = "waybill-fulfillment";
/// The name of its dead-letter queue.
pub(crate) const DEAD_LETTER_QUEUE: &str = "waybill-fulfillment-dlq";
/// The name of the table that caches products.
pub(crate) const TABLE: &str = "waybill-product-cache";
/// The name of the event bus.
pub(crate) const BUS: &str = "waybill";
/// Seconds for which a received job stays invisible.
pub(crate) const VISIBILITY_TIMEOUT: u32 = 180;
/// How often a job is received before it goes to the dead-letter queue.
pub(crate) const MAX_RECEIVE_COUNT: u32 = 5;
/// Seconds for which a job is kept.
pub(crate) const QUEUE_RETENTION: u32 = 345_600;
/// Seconds for which a dead letter is kept.
pub(crate) const DEAD_LETTER_RETENTION: u32 = 1_209_600;

/// Where the queues are.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    pub(crate) url: String,
    pub(crate) arn: String,
    pub(crate) dead_letter_url: String,
}

/// Creates what does not exist yet.
///
/// # Errors
/// If the emulator refuses any of it.
pub(crate) async fn create(aws: &Aws) -> Result<Queues> {
    let queues = create_queues(aws).await?;
    create_table(aws).await?;
    create_bus(aws).await?;
    Ok(queues)
}

async fn create_queues(aws: &Aws) -> Result<Queues> {
    let client = aws_sdk_sqs::Client::new(&aws.service("SQS").await);
    let (dead_letter_url, dead_letter_arn) = create_queue(
        &client,
        DEAD_LETTER_QUEUE,
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
    let (url, arn) = create_queue(&client, QUEUE, attributes.into()).await?;
    Ok(Queues { url, arn, dead_letter_url })
}

/// Created bare and then set, so that one that exists with other attributes is brought to these.
async fn create_queue(
    client: &aws_sdk_sqs::Client,
    name: &str,
    attributes: HashMap<QueueAttributeName, String>,
) -> Result<(String, String)> {
    let failed = || format!("The queue {name} cannot be created.");
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
    let failed = || format!("The table {TABLE} cannot be created.");
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
    Err(Error::new(format!("The table {TABLE} does not become active.")))
}

async fn enable_ttl(client: &aws_sdk_dynamodb::Client) -> Result<()> {
    let failed = || format!("Expiry cannot be enabled on the table {TABLE}.");
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
    created.map(drop).context(|| format!("The event bus {BUS} cannot be created."))
}
