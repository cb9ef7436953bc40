//! Lambda with an SQS event source: a batch that fails in part.
//!
//! `e2e/tests/fulfillment.rs` tests the same with fulfill-order.

use std::io::{Cursor, Write};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, FunctionResponseType, Runtime, State};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use e2e::{eventually, unique};
use testkit::sdk::Queue;

use crate::endpoint::{Endpoint, Made, against_endpoint, not_available};

/// A function that reports failed messages: those that begin with `bad` always, those that begin with
/// `late` on their first delivery.
const HANDLER: &str = "
def handle(event, context):
    def failed(record):
        first = record['attributes']['ApproximateReceiveCount'] == '1'
        return record['body'].startswith('bad') or record['body'].startswith('late') and first
    return {'batchItemFailures': [
        {'itemIdentifier': record['messageId']} for record in event['Records'] if failed(record)
    ]}
";

/// Creates the function and returns its name; none if the endpoint has no Lambda.
async fn function(endpoint: &Endpoint) -> Option<String> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .unix_permissions(0o644);
    archive.start_file("handler.py", stored).unwrap();
    archive.write_all(HANDLER.as_bytes()).unwrap();
    let archive = Blob::new(archive.finish().unwrap().into_inner());

    let name = unique("conformance");
    let created = endpoint
        .lambda
        .create_function()
        .function_name(&name)
        .runtime(Runtime::Python312)
        .handler("handler.handle")
        .timeout(3)
        // Emulators accept any role; on AWS it must exist.
        .role("arn:aws:iam::000000000000:role/conformance")
        .code(FunctionCode::builder().zip_file(archive).build())
        .send()
        .await;
    if not_available("Lambda", &created) {
        return None;
    }
    created.unwrap();
    endpoint.made(Made::Function(name.clone()));
    eventually("the function is active", async || {
        let call = endpoint.lambda.get_function_configuration().function_name(&name);
        let state = call.send().await.unwrap().state;
        state.is_none_or(|state| state == State::Active).then_some(())
    })
    .await;
    Some(name)
}

async fn attach(endpoint: &Endpoint, function: &str, queue: &Queue) {
    let mapping = endpoint
        .lambda
        .create_event_source_mapping()
        .function_name(function)
        .event_source_arn(&queue.arn)
        .batch_size(10)
        .function_response_types(FunctionResponseType::ReportBatchItemFailures)
        .send()
        .await
        .unwrap();
    endpoint.made(Made::Mapping(mapping.uuid.unwrap()));
}

#[tokio::test]
async fn only_failed_messages_of_a_batch_are_delivered_again_and_become_dead_letters() {
    against_endpoint(async |endpoint| {
        // Longer than the timeout of the function: a slow start must not cause a second delivery.
        let (queue, dead) = endpoint.queue_with_dead_letters("4", 2).await;
        let Some(function) = function(endpoint).await else { return };
        let bodies = ["good 0", "good 1", "late 2", "good 3", "bad 4", "good 5", "good 6"];
        let entries = bodies.iter().enumerate().map(|(n, body)| {
            let entry = SendMessageBatchRequestEntry::builder().id(n.to_string());
            entry.message_body(*body).build().unwrap()
        });
        let call = endpoint.sqs.send_message_batch().queue_url(&queue.url);
        let sent = call.set_entries(Some(entries.collect())).send().await.unwrap();
        assert_eq!(sent.successful.len(), bodies.len());
        attach(endpoint, &function, &queue).await;

        let mut letters = Vec::new();
        eventually("a dead letter arrives", async || {
            letters.extend(endpoint.receive(&dead).await);
            (!letters.is_empty()).then_some(())
        })
        .await;
        // All other messages must have been deleted.
        endpoint.is_empty(&queue).await;
        letters.extend(endpoint.receive(&dead).await);
        let letters: Vec<_> = letters.iter().filter_map(|letter| letter.body()).collect();
        eprintln!("of {} messages, dead letters after 2 deliveries: {letters:?}", bodies.len());
        assert_eq!(letters, ["bad 4"]);
    })
    .await;
}
