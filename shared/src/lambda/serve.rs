//! From one invocation to the next.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::after_answer::with_work_after;
use super::invocation::Invocation;
use super::runtime_api::{InvocationError, Next, RuntimeApi};
use crate::config::Config;
use crate::{BoxError, deadline, trace};

/// The longest timeout of a function on AWS. Work has this long if the platform doesn't say when the
/// invocation ends.
const LONGEST: Duration = Duration::from_mins(15);

/// Answers invocations with `handler` for as long as the process lives: several at once, if the
/// platform hands them out. Does the work of [`after_answer`](super::after_answer()) after each
/// answer.
///
/// # Errors
/// If a variable is wrong, or the platform can't be reached.
pub async fn run<E, R, H, F>(config: &Config, handler: H) -> Result<(), BoxError>
where
    E: DeserializeOwned + Send,
    R: Serialize + Send,
    H: Fn(Invocation<E>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<R, BoxError>> + Send,
{
    let (address, work_first) = (config.runtime_api()?, config.work_before_answer()?);
    let mut loops = JoinSet::new();
    for _ in 1..config.concurrency() {
        let api = RuntimeApi::new(&address);
        loops.spawn(async move { serve(api, work_first, handler).await });
    }
    let own = Box::pin(serve(RuntimeApi::new(&address), work_first, handler));
    tokio::select! {
        ended = own => match ended? {},
        Some(ended) = loops.join_next() => match ended?? {},
    }
}

/// Answers invocations one by one with `handler`, for as long as the process lives.
///
/// # Errors
/// If a variable is wrong, or the platform can't be reached.
pub async fn run_one_by_one<E, R, H, F>(config: &Config, handler: H) -> Result<(), BoxError>
where
    E: DeserializeOwned,
    R: Serialize,
    H: Fn(Invocation<E>) -> F,
    F: Future<Output = Result<R, BoxError>>,
{
    let api = RuntimeApi::new(&config.runtime_api()?);
    // Boxed, because it is as large as all that a handler awaits.
    match Box::pin(serve(api, config.work_before_answer()?, handler)).await? {}
}

/// Serves until the platform can't be reached.
async fn serve<E, R, F>(
    mut api: RuntimeApi,
    work_first: bool,
    handler: impl Fn(Invocation<E>) -> F,
) -> Result<Infallible, BoxError>
where
    E: DeserializeOwned,
    R: Serialize,
    F: Future<Output = Result<R, BoxError>>,
{
    loop {
        let next = api.next().await?;
        let end = deadline::of_invocation(next.end, LONGEST);
        let answered = async {
            let answer = answer(&next, &handler).await;
            api.answer(&next, answer).await
        };
        let served = async {
            if work_first {
                return answered.await;
            }
            with_work_after(answered, &next.request_id, end).await
        };
        trace::recorded(served).await?;
    }
}

/// The answer to an invocation, as JSON. A handler that panics has failed.
async fn answer<E, R, F>(
    next: &Next,
    handler: impl Fn(Invocation<E>) -> F,
) -> Result<Vec<u8>, InvocationError>
where
    E: DeserializeOwned,
    R: Serialize,
    F: Future<Output = Result<R, BoxError>>,
{
    let request_id = &next.request_id;
    let event = serde_json::from_slice(&next.event).map_err(|error| {
        // The error's own text may quote the event, which may hold personal data.
        let (line, column) = (error.line(), error.column());
        tracing::error!(request_id, line, column, "failed to read the event");
        let error_message = format!("failed to read the event at line {line}, column {column}");
        InvocationError { error_type: "InvalidEvent", error_message }
    })?;
    let invocation = Invocation { event, request_id: request_id.clone(), end: next.end };
    let response = AssertUnwindSafe(async { handler(invocation).await }).catch_unwind();
    let response = match response.await {
        Ok(Ok(response)) => response,
        // Handlers log why.
        Ok(Err(error)) => {
            let error_message = error.to_string();
            return Err(InvocationError { error_type: "Error", error_message });
        }
        Err(panic) => {
            let error = message(&*panic);
            tracing::error!(request_id, error, "handler panicked");
            let error_message = format!("handler panicked: {error}");
            return Err(InvocationError { error_type: "Panic", error_message });
        }
    };
    serde_json::to_vec(&response).map_err(|error| {
        tracing::error!(request_id, error = %error, "failed to write the response");
        let error_message = format!("failed to write the response: {error}");
        InvocationError { error_type: "InvalidResponse", error_message }
    })
}

/// The message of a panic, if it has one.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::{Value, json};
    use testkit::platform::{Extensions, Platform};

    use super::*;

    fn sum(invocation: &Invocation<Vec<u64>>) -> Result<Value, BoxError> {
        let left = invocation.end.duration_since(SystemTime::now()).unwrap();
        assert!(left > Duration::from_secs(20) && !invocation.request_id.is_empty());
        match invocation.event[..] {
            [] => Err("nothing to add".into()),
            [13] => panic!("13 is bad luck"),
            [one, ..] => Ok(json!({ "of": one, "sum": invocation.event.iter().sum::<u64>() })),
        }
    }

    #[tokio::test]
    async fn each_event_is_answered_and_a_bad_one_does_not_end_the_process() {
        let mut platform = Platform::start(Extensions::Unknown, testkit::PATIENCE).await;
        let api = RuntimeApi::new(&platform.address.to_string());
        let serving = tokio::spawn(serve(api, false, async |invocation| sum(&invocation)));
        for (event, key, expected) in [
            (json!([1, 2]), "sum", json!(3)),
            (json!("no list"), "errorType", json!("InvalidEvent")),
            (json!([]), "errorMessage", json!("nothing to add")),
            (json!([13]), "errorMessage", json!("handler panicked: 13 is bad luck")),
            (json!([7]), "of", json!(7)),
        ] {
            platform.give(event.clone()).await;
            assert_eq!(platform.answer().await.answer[key], expected, "{event}");
        }
        serving.abort();
    }
}
