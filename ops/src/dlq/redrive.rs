//! Moves dead letters back: all of them by a task of SQS, single ones by sending and deleting.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{ListMessageMoveTasksResultEntry as Task, QueueAttributeName};

use super::delete;
use super::letters::{self, Letter};
use super::place::Place;
use crate::error::{Context as _, Error, Result};
use crate::ui;

/// How often to ask SQS for the progress.
const PERIOD: Duration = Duration::from_millis(500);
/// How long a task may take. SQS moves up to 500 messages a second.
const PATIENCE: Duration = Duration::from_mins(10);
/// Error codes of endpoints without `StartMessageMoveTask`: SQS in some regions, and emulators.
const MISSING_OPERATION: [&str; 5] = [
    "UnsupportedOperation",
    "InvalidAction",
    "UnknownOperation",
    "UnknownOperationException",
    "NotImplemented",
];
/// The HTTP status that means the same with any code.
const NOT_IMPLEMENTED: u16 = 501;

/// Moves all letters by a task of SQS. Returns how many were moved; none if the endpoint has no such
/// tasks.
///
/// # Errors
/// If SQS refuses, fails, or takes too long.
pub(super) async fn by_task(place: &Place) -> Result<Option<usize>> {
    let client = &place.sqs;
    let (from, to) = (arn(client, &place.dlq_url).await?, arn(client, &place.queue_url).await?);
    let started = client.start_message_move_task().source_arn(&from).destination_arn(&to).send();
    if let Err(error) = started.await {
        let status = error.raw_response().map(|response| response.status().as_u16());
        if status == Some(NOT_IMPLEMENTED) || error.code().is_some_and(is_missing_operation) {
            return Ok(None);
        }
        return Err(error)
            .context(|| format!("SQS refused to move the dead letters of {}.", place.dlq_name()));
    }
    let began = Instant::now();
    loop {
        let tasks = client
            .list_message_move_tasks()
            .source_arn(&from)
            .max_results(1)
            .send()
            .await
            .context(|| "Failed to read the progress of SQS. It continues to move the messages.")?;
        // The newest comes first.
        let task = tasks.results().first();
        let moved = task.map_or(0, Task::approximate_number_of_messages_moved);
        match task.and_then(|task| task.status()).unwrap_or("RUNNING") {
            "COMPLETED" => return Ok(Some(usize::try_from(moved).unwrap_or_default())),
            "RUNNING" => {}
            status => {
                let why = task.and_then(|task| task.failure_reason()).unwrap_or("no reason given");
                return Err(Error::new(format!(
                    "SQS moved {moved} dead letters and then stopped ({status}): {why}. The others are \
                     still in {}.",
                    place.dlq_name()
                )));
            }
        }
        if began.elapsed() > PATIENCE {
            return Err(Error::new(format!(
                "SQS has moved {moved} dead letters in {} min and continues. `make dlq` lists the others.",
                PATIENCE.as_secs() / 60
            )));
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Moves letters that were received. Each is sent before it is deleted: an interruption may duplicate
/// a message, which its consumer ignores, and never loses one.
///
/// # Errors
/// If SQS refuses one. The letters before it are moved.
pub(super) async fn one_by_one(place: &Place, letters: &[Letter]) -> Result<()> {
    for (moved, letter) in letters.iter().enumerate() {
        one(place, letter).await.inspect_err(|_| {
            if moved > 0 {
                ui::line(format!("Moved {moved} of {} before the error.", letters.len()));
            }
        })?;
    }
    Ok(())
}

async fn one(place: &Place, letter: &Letter) -> Result<()> {
    let attributes = letter.lasting_attributes();
    place
        .sqs
        .send_message()
        .queue_url(&place.queue_url)
        .message_body(letter.message.body().unwrap_or_default())
        .set_message_attributes((!attributes.is_empty()).then_some(attributes))
        .send()
        .await
        .context(|| {
            format!(
                "Failed to send {} to {}. It stays a dead letter.",
                letter.name(),
                place.queue_name()
            )
        })?;
    delete::one(place, letter).await.context(|| {
        format!(
            "Sent {} to {}, so it is now in both queues, which does no harm.",
            letter.name(),
            place.queue_name()
        )
    })
}

/// Whether an error code means that the operation does not exist. Some codes have a prefix such as
/// `AWS.SimpleQueueService.`.
fn is_missing_operation(code: &str) -> bool {
    let code = code.rsplit(['.', '#']).next().unwrap_or(code);
    MISSING_OPERATION.contains(&code)
}

async fn arn(client: &Client, queue: &str) -> Result<String> {
    let arn = letters::attribute(client, "queue", queue, QueueAttributeName::QueueArn).await?;
    arn.ok_or_else(|| Error::new(format!("The queue {queue} has no ARN.")))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Mutex;

    use serde_json::{Value, json};
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::place::Queue;
    use super::super::reasons::Log;
    use super::*;
    use crate::aws::Aws;
    use crate::config::tests::empty;

    /// A fake SQS. Each operation has a list of answers, of which the last one repeats. Calls are
    /// recorded.
    struct Sqs {
        answers: Vec<(&'static str, Vec<(u16, Value)>)>,
        asked: Mutex<Vec<String>>,
    }

    impl Sqs {
        fn new(moving: Vec<(&'static str, Vec<(u16, Value)>)>) -> Self {
            let arn = json!({"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:0:q"}});
            let mut answers = vec![("GetQueueAttributes", vec![(200, arn)])];
            answers.extend(moving);
            Self { answers, asked: Mutex::new(Vec::new()) }
        }

        fn answer(&self, operation: &str) -> (u16, Value) {
            let mut asked = self.asked.lock().unwrap();
            let before = asked.iter().filter(|it| *it == operation).count();
            asked.push(operation.to_owned());
            let (_, answers) = self.answers.iter().find(|(name, _)| *name == operation).unwrap();
            answers[before.min(answers.len() - 1)].clone()
        }

        async fn serve(&self, stream: TcpStream) -> Option<()> {
            let mut stream = BufReader::new(stream);
            loop {
                let (mut operation, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
                    let Some((name, value)) = line.trim().split_once(": ") else {
                        if line.trim().is_empty() {
                            break;
                        }
                        continue;
                    };
                    match name.to_lowercase().as_str() {
                        "x-amz-target" => operation = value.replace("AmazonSQS.", ""),
                        "content-length" => length = value.parse().ok()?,
                        _ => {}
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.ok()?;
                let (status, body) = self.answer(&operation);
                let body = body.to_string();
                let head = format!(
                    "HTTP/1.1 {status} -\r\ncontent-type: application/x-amz-json-1.0\r\n\
                     content-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.ok()?;
            }
        }

        /// The outcome of moving all letters with this SQS.
        async fn task(&self) -> Result<Option<usize>> {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            let aws = Aws::at(&empty(), &endpoint);
            let place = Place {
                queue: Queue::Fulfillment,
                sqs: Client::new(&aws.service("SQS").await),
                queue_url: format!("{endpoint}/0/q"),
                dlq_url: format!("{endpoint}/0/q-dead"),
                log: Log::File(PathBuf::new(), ""),
            };
            let serving = async {
                loop {
                    self.serve(listener.accept().await.unwrap().0).await;
                }
            };
            tokio::select! {
                outcome = by_task(&place) => outcome,
                () = serving => unreachable!(),
            }
        }

        fn times_asked_for(&self, operation: &str) -> usize {
            self.asked.lock().unwrap().iter().filter(|it| *it == operation).count()
        }
    }

    fn started() -> (&'static str, Vec<(u16, Value)>) {
        ("StartMessageMoveTask", vec![(200, json!({"TaskHandle": "h"}))])
    }

    fn task(status: &str, moved: u32) -> (u16, Value) {
        let task = json!({"Status": status, "ApproximateNumberOfMessagesMoved": moved,
            "FailureReason": "CouldNotDetermineMessageSource", "StartedTimestamp": 1});
        (200, json!({"Results": [task]}))
    }

    #[tokio::test]
    async fn a_task_is_waited_for_and_its_count_is_returned() {
        let progress = vec![task("RUNNING", 3), task("RUNNING", 9), task("COMPLETED", 12)];
        let sqs = Sqs::new(vec![started(), ("ListMessageMoveTasks", progress)]);
        assert_eq!(sqs.task().await.unwrap(), Some(12));
        assert_eq!(sqs.times_asked_for("StartMessageMoveTask"), 1);
        assert_eq!(sqs.times_asked_for("ListMessageMoveTasks"), 3);
    }

    #[tokio::test]
    async fn a_failed_task_is_an_error_with_reason_and_count() {
        let progress = vec![task("FAILED", 3)];
        let sqs = Sqs::new(vec![started(), ("ListMessageMoveTasks", progress)]);
        let error = sqs.task().await.unwrap_err().to_string();
        assert!(error.contains("moved 3") && error.contains("CouldNotDetermine"), "{error}");
    }

    #[tokio::test]
    async fn a_missing_operation_is_not_an_error() {
        let code = |code: &str| json!({"__type": code, "message": "no"});
        for (status, body) in [
            (400, code("InvalidAction")),
            (400, code("com.amazonaws.sqs#UnsupportedOperation")),
            (501, code("InternalFailure")),
        ] {
            let sqs = Sqs::new(vec![("StartMessageMoveTask", vec![(status, body.clone())])]);
            assert_eq!(sqs.task().await.unwrap(), None, "{status} {body}");
            assert_eq!(sqs.times_asked_for("ListMessageMoveTasks"), 0);
        }
    }

    #[tokio::test]
    async fn a_refusal_is_an_error() {
        let refused = (403, json!({"__type": "AccessDeniedException", "message": "no"}));
        let sqs = Sqs::new(vec![("StartMessageMoveTask", vec![refused])]);
        let error = sqs.task().await.unwrap_err();
        assert!(error.causes().unwrap().contains("AccessDenied"), "{error:?}");
    }
}
