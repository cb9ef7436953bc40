//! SQS and EventBridge that take everything, for benchmarks.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};

use crate::http::{self, Request};

/// Serves on a thread of its own for as long as the process lives, and answers each request `late`.
/// Returns its URL.
#[must_use]
pub fn take_everything(late: Duration) -> String {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(stream, late));
            }
        });
    });
    told.recv().unwrap()
}

async fn serve(stream: TcpStream, late: Duration) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(Request { headers, body, .. }) = http::read(&mut stream).await? {
        let target = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"));
        let target = target.map_or("", |(_, value)| value);
        let answer = answer(target, &serde_json::from_slice(&body)?).to_string();
        if !late.is_zero() {
            tokio::time::sleep(late).await;
        }
        http::answer(&mut stream, "200 OK", "", answer.as_bytes()).await?;
    }
    Ok(())
}

fn answer(target: &str, request: &Value) -> Value {
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
