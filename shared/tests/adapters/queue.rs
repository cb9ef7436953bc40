//! The fulfillment queue.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;
use uuid::Uuid;
use waybill::app::{Event, FulfillmentJob, MeasureQueue, Message, OutboxJob, SendBatch, SendJobs};
use waybill::events::EventBus;
use waybill::queue::FulfillmentQueue;
use waybill::{Error, deadline};

use crate::support::{aws, aws_at, event_bus, fulfillment_queue, queue};

fn job() -> FulfillmentJob {
    let body = serde_json::json!({
        "v": 1,
        "order_id": "019c8019-aa00-7a31-9c40-1f2e6ba0a415",
        "number": "ORD-20260221-6BA0A415",
        "items": [{ "product_id": "019c8019-aa00-7a31-9c40-000000000001", "quantity": 2 }],
        "correlation_id": "abc",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "placed_at": "2026-02-21T12:00:00Z",
    });
    FulfillmentJob::parse(&body.to_string()).unwrap()
}

#[tokio::test]
async fn a_job_arrives_as_it_was_sent() {
    let aws = aws().await;
    let url = queue(&aws).await;
    fulfillment_queue(&aws, url.clone()).send(&job()).await.unwrap();

    let received = aws_sdk_sqs::Client::new(&aws)
        .receive_message()
        .queue_url(url)
        .wait_time_seconds(5)
        .send()
        .await
        .unwrap();
    let [message] = received.messages() else { panic!("{received:?}") };
    assert_eq!(FulfillmentJob::parse(message.body().unwrap()), Ok(job()));
}

#[tokio::test]
async fn a_queue_that_is_down_is_an_error_after_a_bounded_number_of_tries() {
    let url = "http://127.0.0.1:9/000000000000/jobs".to_owned();
    let queue = fulfillment_queue(&aws_at("http://127.0.0.1:9").await, url);
    let sent = queue.send(&job()).await;
    assert!(matches!(&sent, Err(Error::Unavailable { dependency: "SQS", .. })), "{sent:?}");
    assert!(queue.check().await.is_err());
}

fn message<K>(kind: K, body: String) -> Message<K> {
    Message {
        id: Uuid::now_v7(),
        kind,
        body,
        correlation_id: "abc".to_owned(),
        traceparent: None,
        attempts: 1,
    }
}

#[tokio::test]
async fn a_queue_says_about_how_many_messages_wait() {
    let aws = aws().await;
    let queue = fulfillment_queue(&aws, queue(&aws).await);
    assert_eq!(queue.waiting().await.unwrap(), 0);
    let jobs: Vec<_> = (0..3).map(|_| message(OutboxJob, "{}".to_owned())).collect();
    assert!(queue.send_batch(&jobs).await.unwrap().iter().all(Result::is_ok));
    assert_eq!(queue.waiting().await.unwrap(), 3);
}

#[tokio::test]
async fn a_call_ends_with_the_invocation_s_deadline_though_nobody_answers() {
    // The kernel accepts connections, but nothing reads from them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let aws = aws_at(&endpoint).await;
    let queue = fulfillment_queue(&aws, format!("{endpoint}/000000000000/jobs"));
    let bus = event_bus(&aws, "default".to_owned());
    let jobs = [message(OutboxJob, "{}".to_owned())];
    let events = [message(Event("OrderPlaced".to_owned()), "{}".to_owned())];
    let job = job();
    let calls = async {
        let (sent, jobs, events, waiting) = tokio::join!(
            queue.send(&job),
            queue.send_batch(&jobs),
            bus.send_batch(&events),
            queue.waiting()
        );
        assert!(matches!(sent, Err(Error::Unavailable { dependency: "SQS", .. })), "{sent:?}");
        assert!(jobs.is_err() && events.is_err() && waiting.is_err());
    };
    // One try would take a second, and all of them three; the limit is five.
    let started = Instant::now();
    let limit = Duration::from_millis(50);
    deadline::within(started + limit, Box::pin(calls)).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn messages_are_as_long_as_aws_counts_them() {
    let job = message(OutboxJob, "{\"ü\":1}".to_owned());
    assert_eq!(FulfillmentQueue::bytes(&job), 8);
    let event = message(Event("OrderPlaced".to_owned()), "{\"ü\":1}".to_owned());
    assert_eq!(EventBus::bytes(&event), "waybill".len() + "OrderPlaced".len() + 8);
}
