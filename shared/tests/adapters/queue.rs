//! The fulfilment queue.

use waybill::Error;
use waybill::app::FulfillmentJob;
use waybill::app::ports::SendJobs;
use waybill::queue::FulfillmentQueue;

use crate::support::{aws, aws_at, queue};

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
    FulfillmentQueue::connect(&aws, url.clone()).await.send(&job()).await.unwrap();

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
    let queue = FulfillmentQueue::connect(&aws_at("http://127.0.0.1:9").await, url).await;
    let sent = queue.send(&job()).await;
    assert!(matches!(&sent, Err(Error::Unavailable { dependency: "SQS", .. })), "{sent:?}");
    assert!(queue.check().await.is_err());
}
