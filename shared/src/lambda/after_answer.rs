//! Work after the answer, in the same invocation.
//!
//! AWS sends an answer to the client when the runtime posts it, and freezes the environment when the
//! runtime and every extension have asked for their next event. So an internal extension that asks
//! later keeps the environment awake. Decision 15 has the sources.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use lambda_extension::{Extension, LambdaEvent, NextEvent, service_fn};
use tokio::sync::watch;
use tokio::time::timeout_at;
use tracing::Instrument;

use crate::{BoxError, deadline};

/// The longest timeout of a function on AWS. The extension waits this long if the platform doesn't
/// say when the invocation ends.
const LONGEST: Duration = Duration::from_mins(15);

/// The work of this process.
static AT_WORK: LazyLock<Arc<AtWork>> = LazyLock::new(Arc::default);

/// A way to work after the answer.
pub struct AfterAnswer {
    at_work: Option<Arc<AtWork>>,
}

impl AfterAnswer {
    /// Registers the extension that keeps the environment awake. If the platform has no extensions,
    /// as on an emulator, work is done before the answer.
    pub(super) async fn register() -> Self {
        let at_work = Arc::clone(&AT_WORK);
        let events = Arc::clone(&at_work);
        let extension = Extension::new()
            .with_extension_name("waybill")
            .with_events(&["INVOKE"])
            .with_events_processor(service_fn(move |event| keep_awake(Arc::clone(&events), event)));
        match extension.register().await {
            Ok(extension) => {
                tokio::spawn(async move {
                    if let Err(error) = extension.run().await {
                        // The platform ends the environment then.
                        tracing::error!(error = %error, "internal extension failed");
                    }
                });
                Self { at_work: Some(at_work) }
            }
            Err(error) => {
                tracing::debug!(error = %error, "no internal extension; working before the answer");
                Self::before()
            }
        }
    }

    /// Works after the answer without an extension. An environment that takes several invocations at
    /// once is never frozen, and refuses extensions for `INVOKE`.
    pub(super) fn never_frozen() -> Self {
        Self { at_work: Some(Arc::clone(&AT_WORK)) }
    }

    /// Does all work before the answer.
    #[must_use]
    pub fn before() -> Self {
        Self { at_work: None }
    }

    /// Does `work` after the answer, with the deadline of the invocation; or at once, if nothing
    /// keeps the environment awake.
    pub async fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Some(at_work) = &self.at_work else { return work.await };
        let task = Task::begin(at_work);
        let work = deadline::within(deadline::current(Duration::ZERO), work);
        tokio::spawn(
            async move {
                work.await;
                drop(task);
            }
            .in_current_span(),
        );
    }
}

/// An invocation. Dropping it means that it was answered.
pub struct Invocation {
    at_work: Arc<AtWork>,
    request_id: String,
}

impl Invocation {
    /// The invocation with this request id.
    #[must_use]
    pub fn begin(request_id: &str) -> Self {
        Self { at_work: Arc::clone(&AT_WORK), request_id: request_id.to_owned() }
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        let request_id = std::mem::take(&mut self.request_id);
        self.at_work.0.send_modify(|state| state.answered = request_id);
    }
}

/// The last answered invocation, and the number of running tasks.
#[derive(Default)]
struct AtWork(watch::Sender<State>);

#[derive(Default)]
struct State {
    answered: String,
    tasks: usize,
}

/// A running task. Dropping it means that it has ended.
struct Task(Arc<AtWork>);

impl Task {
    fn begin(at_work: &Arc<AtWork>) -> Self {
        at_work.0.send_modify(|state| state.tasks += 1);
        Self(Arc::clone(at_work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.tasks -= 1);
    }
}

impl AtWork {
    /// Waits until an invocation is answered and no task runs, or until shortly before its `end`: the
    /// platform resets an environment that exceeds its timeout.
    async fn settled(&self, request_id: &str, end: SystemTime) {
        let deadline = deadline::of_invocation(end, LONGEST);
        let mut state = self.0.subscribe();
        let settled = state.wait_for(|state| state.answered == request_id && state.tasks == 0);
        if timeout_at(deadline, settled).await.is_err() {
            tracing::warn!(request_id, "no time left for work after the answer");
        }
    }
}

/// Returns when the extension may ask for its next event.
async fn keep_awake(at_work: Arc<AtWork>, event: LambdaEvent) -> Result<(), BoxError> {
    if let NextEvent::Invoke(invocation) = event.next {
        let end = SystemTime::UNIX_EPOCH + Duration::from_millis(invocation.deadline_ms);
        at_work.settled(&invocation.request_id, end).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::Instant;

    use super::*;

    fn invocation(at_work: &Arc<AtWork>, request_id: &str) -> Invocation {
        Invocation { at_work: Arc::clone(at_work), request_id: request_id.to_owned() }
    }

    fn in_ten_seconds() -> SystemTime {
        SystemTime::now() + Duration::from_secs(10)
    }

    #[tokio::test(start_paused = true)]
    async fn the_environment_is_kept_awake_until_the_work_of_its_invocation_is_done() {
        let at_work = Arc::new(AtWork::default());
        let after = AfterAnswer { at_work: Some(Arc::clone(&at_work)) };
        let mut settled = std::pin::pin!(at_work.settled("a", in_ten_seconds()));
        let answering = invocation(&at_work, "a");
        let (finish, finished) = tokio::sync::oneshot::channel::<()>();
        after.run(async { _ = finished.await }).await;
        assert!(settled.as_mut().now_or_never().is_none(), "not answered");
        drop(answering);
        assert!(settled.as_mut().now_or_never().is_none(), "its work goes on");
        finish.send(()).unwrap();
        settled.await;
        // The next one is another.
        assert!(at_work.settled("b", in_ten_seconds()).now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn work_without_an_end_does_not_overrun_the_invocation() {
        let at_work = Arc::new(AtWork::default());
        let after = AfterAnswer { at_work: Some(Arc::clone(&at_work)) };
        after.run(std::future::pending()).await;
        drop(invocation(&at_work, "a"));
        let started = Instant::now();
        at_work.settled("a", in_ten_seconds()).await;
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_that_does_not_say_when_it_ends_is_waited_on_as_well() {
        let at_work = Arc::new(AtWork::default());
        // What `cargo lambda watch` says.
        let end = SystemTime::UNIX_EPOCH + Duration::from_mins(10);
        let mut settled = std::pin::pin!(at_work.settled("a", end));
        assert!(settled.as_mut().now_or_never().is_none());
        drop(invocation(&at_work, "a"));
        settled.await;
    }

    #[tokio::test]
    async fn a_panic_in_the_work_lets_the_environment_go() {
        let at_work = Arc::new(AtWork::default());
        let after = AfterAnswer { at_work: Some(Arc::clone(&at_work)) };
        after.run(async { panic!("on purpose") }).await;
        drop(invocation(&at_work, "a"));
        at_work.settled("a", in_ten_seconds()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_work_has_the_deadline_of_the_invocation() {
        let at_work = Arc::new(AtWork::default());
        let after = AfterAnswer { at_work: Some(at_work) };
        let expected = Instant::now() + Duration::from_secs(5);
        let (tell, told) = tokio::sync::oneshot::channel();
        let work = async { tell.send(deadline::current(Duration::ZERO)).unwrap() };
        deadline::within(expected, after.run(work)).await;
        assert_eq!(told.await.unwrap(), expected);
    }

    #[tokio::test]
    async fn without_an_extension_the_work_is_done_first() {
        let mut done = false;
        let (tell, mut told) = tokio::sync::oneshot::channel();
        AfterAnswer::before().run(async { tell.send(()).unwrap() }).await;
        done |= told.try_recv().is_ok();
        assert!(done);
    }
}
