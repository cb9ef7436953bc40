//! From one invocation to the next, by AWS's runtime.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{Diagnostic, LambdaEvent, LambdaInvocation, Runtime, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::after_answer::with_work_after;
use crate::config::Config;
use crate::{BoxError, deadline, trace};

/// The longest timeout of a function on AWS. Work has this long if the platform doesn't say when the
/// invocation ends.
const LONGEST: Duration = Duration::from_mins(15);

/// AWS's runtime for `service`, with the work of [`after_answer`](super::after_answer()) after each
/// answer. Its `run_concurrent` answers several invocations at once, if the platform hands them out.
///
/// # Errors
/// If a variable is invalid.
pub fn runtime<S, E, R>(
    config: &Config,
    service: S,
) -> Result<
    Runtime<
        impl Service<LambdaInvocation, Response = (), Error = BoxError, Future: Send>
        + Clone
        + Send
        + 'static,
    >,
    BoxError,
>
where
    S: Service<LambdaEvent<E>, Response = R> + Clone + Send + 'static,
    S::Future: Future<Output = Result<R, S::Error>> + Send + 'static,
    S::Error: Into<Diagnostic> + Debug + 'static,
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
{
    let work_first = config.work_before_answer()?;
    let invocations = layer_fn(move |service| Invocations { service, work_first });
    Ok(Runtime::new(service).layer(invocations))
}

/// Whether this is the first invocation of the process. Only the first call says yes.
pub fn is_cold_start() -> bool {
    static COLD: AtomicBool = AtomicBool::new(true);
    COLD.swap(false, Ordering::Relaxed)
}

/// The layer around an invocation: everything from its event to the posting of its answer. What it
/// does afterwards is done before the runtime asks for the next event.
#[derive(Clone)]
struct Invocations<S> {
    service: S,
    /// Whether work is done before the answer instead.
    work_first: bool,
}

impl<S> Service<LambdaInvocation> for Invocations<S>
where
    S: Service<LambdaInvocation, Response = (), Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let request_id = invocation.context.request_id.clone();
        let end = deadline::of_invocation(invocation.context.deadline(), LONGEST);
        let answer = self.service.call(invocation);
        if self.work_first {
            return Box::pin(trace::recorded(answer));
        }
        Box::pin(trace::recorded(async move { with_work_after(answer, &request_id, end).await }))
    }
}
