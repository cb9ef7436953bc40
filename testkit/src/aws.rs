//! SQS and EventBridge that take everything, for benchmarks.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::http::{self, Request, Response, header, response};

/// Serves on its own thread for as long as the process lives, and answers each request after `late`.
/// Returns its URL.
#[must_use]
pub fn take_everything(late: Duration) -> String {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
            http::serve(listener, move |request| answer(request, late)).await;
        });
    });
    told.recv().unwrap()
}

async fn answer(request: Request, late: Duration) -> Option<Response> {
    let body = serde_json::from_slice(request.body()).unwrap();
    let answer = taken(header(&request, "x-amz-target"), &body).to_string();
    if !late.is_zero() {
        tokio::time::sleep(late).await;
    }
    Some(response(200, &[], answer))
}

fn taken(target: &str, request: &Value) -> Value {
    let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    match target {
        "AWSEvents.PutEvents" => {
            let entries: Vec<_> = entries.iter().map(|_| json!({ "EventId": "1" })).collect();
            json!({ "FailedEntryCount": 0, "Entries": entries })
        }
        "AmazonSQS.SendMessageBatch" => {
            let entry =
                |it: &Value| json!({ "Id": it["Id"], "MessageId": "1", "MD5OfMessageBody": "" });
            let entries: Vec<_> = entries.iter().map(entry).collect();
            json!({ "Successful": entries, "Failed": [] })
        }
        "AmazonSQS.SendMessage" => json!({ "MessageId": "1", "MD5OfMessageBody": "" }),
        _ => json!({ "Attributes": { "ApproximateNumberOfMessages": "0" } }),
    }
}
