//! SQS, for the fulfillment queue and its dead letters.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use e2e::eventually;
use testkit::sdk::Queue;

use crate::endpoint::{Endpoint, against_endpoint, not_available, receives};

async fn send(endpoint: &Endpoint, queue: &Queue, body: &str) -> String {
    let call = endpoint.sqs.send_message().queue_url(&queue.url).message_body(body);
    call.send().await.unwrap().message_id.unwrap()
}

async fn delete(endpoint: &Endpoint, queue: &Queue, receipt: Option<String>) {
    let call = endpoint.sqs.delete_message().queue_url(&queue.url);
    call.receipt_handle(receipt.unwrap()).send().await.unwrap();
}

/// Receives a message until it is a dead letter, without deleting it. Returns the number of receives.
async fn receive_until_dead(endpoint: &Endpoint, queue: &Queue, dead: &Queue) -> u32 {
    let mut times = 0;
    eventually("the message is a dead letter", async || {
        if let Some(message) = endpoint.receive(queue).await.first() {
            times += 1;
            assert_eq!(receives(message), times);
        }
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        (dead.attribute(name).await == "1").then_some(())
    })
    .await;
    times
}

#[tokio::test]
async fn a_received_message_is_hidden_for_the_visibility_timeout_and_then_delivered_again() {
    against_endpoint(async |endpoint| {
        let hidden = Duration::from_secs(2);
        let queue = endpoint.queue(&[(QueueAttributeName::VisibilityTimeout, "2")]).await;
        let id = send(endpoint, &queue, "job").await;
        let asked = Instant::now();
        let first = endpoint.next(&queue).await;
        let first_came = Instant::now();
        assert_eq!((first.message_id(), first.body()), (Some(&*id), Some("job")));
        let again = endpoint.next(&queue).await;
        // The first receive happened between `asked` and `first_came`.
        let (least, most) = (first_came.elapsed(), asked.elapsed());
        assert!(most >= hidden, "delivered again after {most:?}");
        assert_eq!(again.message_id(), Some(&*id));
        assert_eq!((receives(&first), receives(&again)), (1, 2));
        delete(endpoint, &queue, again.receipt_handle).await;
        endpoint.is_empty(&queue).await;
        eprintln!("hidden for {hidden:?}, delivered again after {least:?}");
    })
    .await;
}

#[tokio::test]
async fn the_visibility_timeout_of_a_message_can_be_shortened() {
    against_endpoint(async |endpoint| {
        let queue = endpoint.queue(&[(QueueAttributeName::VisibilityTimeout, "600")]).await;
        let id = send(endpoint, &queue, "job").await;
        let first = endpoint.next(&queue).await;
        assert!(endpoint.receive(&queue).await.is_empty());
        let call = endpoint.sqs.change_message_visibility().queue_url(&queue.url);
        let call = call.receipt_handle(first.receipt_handle.unwrap()).visibility_timeout(0);
        call.send().await.unwrap();
        let again = endpoint.next(&queue).await;
        assert_eq!(again.message_id(), Some(&*id));
    })
    .await;
}

#[tokio::test]
async fn a_message_that_was_received_too_often_is_moved_to_the_dead_letter_queue() {
    against_endpoint(async |endpoint| {
        let (queue, dead) = endpoint.queue_with_dead_letters("1", 3).await;
        send(endpoint, &queue, "poison").await;
        let times = receive_until_dead(endpoint, &queue, &dead).await;
        assert_eq!(times, 3);
        assert_eq!(endpoint.next(&dead).await.body(), Some("poison"));
        endpoint.is_empty(&queue).await;
        eprintln!("received {times} times, then a dead letter");
    })
    .await;
}

#[tokio::test]
async fn dead_letters_can_be_moved_back() {
    against_endpoint(async |endpoint| {
        let (queue, dead) = endpoint.queue_with_dead_letters("1", 1).await;
        send(endpoint, &queue, "job").await;
        receive_until_dead(endpoint, &queue, &dead).await;
        let started = endpoint.sqs.start_message_move_task().source_arn(&dead.arn).send().await;
        if not_available("StartMessageMoveTask", &started) {
            return;
        }
        started.unwrap();
        assert_eq!(endpoint.next(&queue).await.body(), Some("job"));
        endpoint.is_empty(&dead).await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_answered_entry_by_entry() {
    against_endpoint(async |endpoint| {
        let queue = endpoint.queue(&[]).await;
        let entries = (0..10).map(|n| {
            let entry = SendMessageBatchRequestEntry::builder().id(format!("entry-{n}"));
            // Invalid twice, since emulators may check only one rule: the delay is above 15 minutes, and
            // the character is not allowed.
            let entry = if n == 4 {
                entry.message_body("job \u{1}").delay_seconds(901)
            } else {
                entry.message_body(format!("job {n}"))
            };
            entry.build().unwrap()
        });
        let call = endpoint.sqs.send_message_batch().queue_url(&queue.url);
        let sent = call.set_entries(Some(entries.collect())).send().await.unwrap();
        let failed: Vec<_> = sent.failed.iter().map(|it| &*it.id).collect();
        assert_eq!(failed, ["entry-4"], "{sent:?}");
        assert!(!sent.failed[0].code.is_empty(), "{sent:?}");
        let good: BTreeSet<_> = sent.successful.iter().map(|it| it.id.clone()).collect();
        let expected = (0..10).filter(|n| *n != 4).map(|n| format!("entry-{n}"));
        assert_eq!(good, expected.collect());

        let mut arrived = BTreeSet::new();
        eventually("nine messages arrive", async || {
            let messages = endpoint.receive(&queue).await;
            arrived.extend(messages.into_iter().map(|message| message.body.unwrap()));
            (arrived.len() >= 9).then_some(())
        })
        .await;
        assert!(arrived.len() == 9 && !arrived.contains("job \u{1}"), "{arrived:?}");
        eprintln!("of 10 entries {} were accepted, {} refused", good.len(), failed.len());
    })
    .await;
}

#[tokio::test]
async fn a_batch_takes_ten_entries_and_no_more() {
    against_endpoint(async |endpoint| {
        let queue = endpoint.queue(&[]).await;
        let entries = (0..11).map(|n| {
            let entry = SendMessageBatchRequestEntry::builder();
            entry.id(n.to_string()).message_body("job").build().unwrap()
        });
        let call = endpoint.sqs.send_message_batch().queue_url(&queue.url);
        let sent = call.set_entries(Some(entries.collect())).send().await;
        assert!(sent.is_err(), "{sent:?}");
        endpoint.is_empty(&queue).await;
    })
    .await;
}
