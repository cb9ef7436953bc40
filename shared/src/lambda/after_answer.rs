//! Work after the answer, in the same invocation.
//!
//! Lambda sends an answer to the client when the runtime posts it, and freezes the environment when the
//! runtime asks for its next event. So work is done in between. Decision 15 has the sources.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::{deadline, trace};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

tokio::task_local! {
    static LATER: RefCell<Vec<Work>>;
}

/// Does `work` after the answer to this invocation, with its deadline; or at once, outside of an
/// invocation and if all work is done before the answer.
pub fn after_answer(work: impl Future<Output = ()> + Send + 'static) -> impl Future<Output = ()> {
    // Boxed at once, since it is larger than all that a handler waits for before the answer.
    let mut work = Some(Box::pin(work) as Work);
    async move {
        let _ = LATER.try_with(|later| {
            let work = work.take().map(|work| {
                let work = deadline::within(deadline::current(Duration::ZERO), work);
                Box::pin(trace::carried(work.in_current_span())) as Work
            });
            later.borrow_mut().extend(work);
        });
        if let Some(work) = work {
            work.await;
        }
    }
}

/// Awaits `answer`, then does its work until `end`. Work that fails or takes too long is given up.
pub(super) async fn with_work_after<T>(
    answer: impl Future<Output = T>,
    request_id: &str,
    end: Instant,
) -> T {
    let answer_and_work = async {
        let answer = answer.await;
        let later = LATER.with(RefCell::take);
        if !later.is_empty() {
            let work = AssertUnwindSafe(async {
                for work in later {
                    work.await;
                }
            });
            match timeout_at(end, work.catch_unwind()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => tracing::error!(request_id, "work after the answer panicked"),
                Err(_) => tracing::warn!(request_id, "no time left for work after the answer"),
            }
        }
        answer
    };
    LATER.scope(RefCell::default(), answer_and_work).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    fn in_ten_seconds() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_done_after_the_answer_and_before_the_next_event() {
        let done = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&done);
        let (finish, finished) = oneshot::channel::<()>();
        let answer = async {
            let work = async move {
                finished.await.unwrap();
                told.store(true, Ordering::Relaxed);
            };
            after_answer(work).await;
            assert!(!done.load(Ordering::Relaxed), "done before the answer");
            7
        };
        let mut invocation = std::pin::pin!(with_work_after(answer, "a", in_ten_seconds()));
        assert!(invocation.as_mut().now_or_never().is_none(), "its work is not done");
        finish.send(()).unwrap();
        assert_eq!(invocation.await, 7);
        assert!(done.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn work_without_an_end_does_not_overrun_the_invocation() {
        let end = in_ten_seconds();
        with_work_after(after_answer(std::future::pending()), "a", end).await;
        assert_eq!(Instant::now(), end);
    }

    #[tokio::test]
    async fn a_panic_in_the_work_does_not_end_the_process() {
        let answer = after_answer(async { panic!("on purpose") });
        with_work_after(answer, "a", in_ten_seconds()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn work_has_the_deadline_of_its_invocation() {
        let expected = Instant::now() + Duration::from_secs(5);
        let (tell, told) = oneshot::channel();
        let work = async { tell.send(deadline::current(Duration::ZERO)).unwrap() };
        let answer = deadline::within(expected, after_answer(work));
        with_work_after(answer, "a", in_ten_seconds()).await;
        assert_eq!(told.await.unwrap(), expected);
    }

    #[tokio::test]
    async fn outside_of_an_invocation_work_is_done_at_once() {
        let (tell, mut told) = oneshot::channel();
        after_answer(async { tell.send(()).unwrap() }).await;
        assert!(told.try_recv().is_ok());
    }
}
