//! The endpoint, and what a test has made there.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Mutex;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use e2e::{eventually, unique};
use futures_util::FutureExt;
use serde_json::json;
use testkit::sdk::{self, Queue};

/// An AWS endpoint.
pub(crate) struct Endpoint {
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) eventbridge: aws_sdk_eventbridge::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    made: Mutex<Vec<Made>>,
}

/// What must be deleted at the end.
pub(crate) enum Made {
    /// By its URL.
    Queue(String),
    Table(String),
    Bus(String),
    /// A rule with one target, `queue`.
    Rule {
        bus: String,
        rule: String,
    },
    Function(String),
    /// An event source mapping, by its id.
    Mapping(String),
}

/// Runs a test, and deletes what it made even if it fails.
pub(crate) async fn against_endpoint(test: impl AsyncFnOnce(&Endpoint)) {
    let config = sdk::config().await;
    assert!(config.endpoint_url().is_some(), "AWS_ENDPOINT_URL is not set");
    assert!(config.region().is_some(), "AWS_REGION is not set");
    let endpoint = Endpoint {
        sqs: aws_sdk_sqs::Client::new(&config),
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        eventbridge: aws_sdk_eventbridge::Client::new(&config),
        lambda: aws_sdk_lambda::Client::new(&config),
        made: Mutex::default(),
    };
    let outcome = AssertUnwindSafe(test(&endpoint)).catch_unwind().await;
    endpoint.clean_up().await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

/// Whether an error says that the endpoint does not have the operation, or its service. Prints it if
/// so.
pub(crate) fn not_available<E>(what: &str, result: &Result<impl Sized, SdkError<E>>) -> bool
where
    SdkError<E>: ProvideErrorMetadata,
{
    let Err(error) = result else { return false };
    let code = error.code().unwrap_or_default();
    let unknown = ["InvalidAction", "NotImplemented", "UnknownOperation", "UnsupportedOperation"];
    // LocalStack answers 501 with a general code for a service that is not enabled.
    let unknown = unknown.iter().any(|word| code.contains(word))
        || error.raw_response().is_some_and(|answer| answer.status().as_u16() == 501);
    if unknown {
        eprintln!("not available: {what} ({code})");
    }
    unknown
}

impl Endpoint {
    /// Has this deleted at the end, in reverse order.
    pub(crate) fn made(&self, made: Made) {
        self.made.lock().unwrap().push(made);
    }

    /// Creates a queue with these attributes.
    pub(crate) async fn queue(&self, attributes: &[(QueueAttributeName, &str)]) -> Queue {
        let queue = Queue::create(&self.sqs, &unique("conformance"), attributes).await;
        self.made(Made::Queue(queue.url.clone()));
        queue
    }

    /// Creates a queue with this visibility timeout, and its dead-letter queue.
    pub(crate) async fn queue_with_dead_letters(
        &self,
        visibility_seconds: &str,
        max_receive_count: u32,
    ) -> (Queue, Queue) {
        let dead = self.queue(&[]).await;
        let redrive =
            json!({ "deadLetterTargetArn": dead.arn, "maxReceiveCount": max_receive_count });
        let attributes = [
            (QueueAttributeName::VisibilityTimeout, visibility_seconds),
            (QueueAttributeName::RedrivePolicy, &redrive.to_string()),
        ];
        (self.queue(&attributes).await, dead)
    }

    /// Waits until a queue has no messages, visible or in flight.
    pub(crate) async fn is_empty(&self, queue: &Queue) {
        eventually("the queue is empty", async || queue.is_empty().await.then_some(())).await;
    }

    /// Receives up to ten messages.
    pub(crate) async fn receive(&self, queue: &Queue) -> Vec<Message> {
        self.sqs
            .receive_message()
            .queue_url(&queue.url)
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .unwrap()
            .messages
            .unwrap_or_default()
    }

    /// Waits for the next message.
    pub(crate) async fn next(&self, queue: &Queue) -> Message {
        eventually("a message can be received", async || {
            let mut messages = self.receive(queue).await;
            assert!(messages.len() <= 1, "{messages:?}");
            messages.pop()
        })
        .await
    }

    /// Creates a table with the key `pk`.
    pub(crate) async fn table(&self) -> String {
        let name = unique("conformance");
        self.made(Made::Table(name.clone()));
        sdk::create_table(&self.dynamodb, &name).await;
        name
    }

    /// Deletes everything, and prints what fails.
    async fn clean_up(&self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        for made in made.into_iter().rev() {
            if let Err(error) = self.delete(made).await {
                eprintln!("left behind: {error}");
            }
        }
    }

    async fn delete(&self, made: Made) -> Result<(), Box<dyn std::error::Error>> {
        match made {
            Made::Queue(url) => drop(self.sqs.delete_queue().queue_url(url).send().await?),
            Made::Table(name) => drop(self.dynamodb.delete_table().table_name(name).send().await?),
            Made::Bus(name) => drop(self.eventbridge.delete_event_bus().name(name).send().await?),
            Made::Rule { bus, rule } => {
                let targets = self.eventbridge.remove_targets().event_bus_name(&bus).rule(&rule);
                targets.ids("queue").send().await?;
                self.eventbridge.delete_rule().event_bus_name(bus).name(rule).send().await?;
            }
            Made::Function(name) => {
                self.lambda.delete_function().function_name(name).send().await?;
            }
            Made::Mapping(id) => {
                self.lambda.delete_event_source_mapping().uuid(id).send().await?;
            }
        }
        Ok(())
    }
}

/// How often a message was received.
pub(crate) fn receives(message: &Message) -> u32 {
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    message.attributes().unwrap()[&count].parse().unwrap()
}
