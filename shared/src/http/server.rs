//! Serves requests: authorizes them, calls the handler within a deadline, and logs the response.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Body, Context, LambdaEvent, Request, RequestExt, Response, service_fn};
use tracing::Instrument;
use tracing::field::Empty;

use super::access::{Callers, authorize};
use super::conditional::Known;
use super::event::without_url;
use super::request::{self, Trail};
use super::{Anyone, FindRoute, Incoming, Problem, Reply, Route, limits};
use crate::app::Recipient;
use crate::config::Config;
use crate::{BoxError, deadline, lambda, metrics};

/// The deadline of a request, for everything that its handler waits for.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);

/// How long after its deadline a handler may still answer, and say what it waited for. Less than
/// [`deadline::RESERVE`], so that the service answers before the platform's timeout.
const GRACE: Duration = Duration::from_millis(1500);

/// Serves the requests of `route` with `handler` for as long as the process lives. Refuses callers
/// without one of its scopes, and query parameters that it doesn't take.
///
/// # Errors
/// If a variable is invalid, or the Lambda runtime can't go on.
pub async fn serve<H, F>(config: &Config, route: &'static Route, handler: H) -> Result<(), BoxError>
where
    H: Fn(Incoming) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let callers = lambda::keep(Callers {
        watch: config.watch_caller()?,
        first_issuer: config.first_issuer(),
        reads_email: config.mail_recipient()? == Some(Recipient::Proven),
    });
    let answer = move |request| answer(request, callers, route, handler);
    run(config.work_before_answer()?, answer).await
}

/// Serves the requests of any caller, each by the route that `routes` finds for it. The handler gets no
/// caller, so it can't reach a use case that needs one.
///
/// # Errors
/// If the Lambda runtime can't go on.
pub async fn serve_public<R, H, F>(routes: &'static R, handler: H) -> Result<(), BoxError>
where
    R: FindRoute + Sync,
    H: Fn(Incoming<Anyone>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    run(false, move |request| answer_anyone(request, routes, handler)).await
}

/// Answers one request as [`serve`] does.
pub async fn answer<H, F>(
    request: Request,
    callers: &Callers,
    route: &Route,
    handler: H,
) -> Response<Body>
where
    H: Fn(Incoming) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let admit = |request, trail| {
        let caller = authorize(&request, callers, route.any_of)?;
        Ok(Incoming::of(request, caller, trail, *route))
    };
    answer_admitted(request, admit, handler).await
}

/// Answers one request as [`serve_public`] does.
pub async fn answer_anyone<R, H, F>(request: Request, routes: &R, handler: H) -> Response<Body>
where
    R: FindRoute + Sync,
    H: Fn(Incoming<Anyone>) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let admit = |request: Request, _| {
        let route = routes.find(request.method().as_str(), request::path(&request))?;
        Ok(Incoming::of_anyone(request, route))
    };
    answer_admitted(request, admit, handler).await
}

async fn run<A, F>(work_before_answer: bool, answer: A) -> Result<(), BoxError>
where
    A: Fn(Request) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let requests =
        service_fn(
            move |request: Request| async move { Ok::<_, Infallible>(answer(request).await) },
        );
    let events = MapRequest::new(
        // The same as `lambda_http::run`, with a step in front of it.
        Adapter::from(requests),
        |LambdaEvent { payload, context }| LambdaEvent::new(without_url(payload), context),
    );
    lambda::run(work_before_answer, events).await
}

async fn answer_admitted<A, C, H, F>(request: Request, admit: A, handler: H) -> Response<Body>
where
    A: Fn(Request, Trail) -> Result<Incoming<C>, Problem> + Sync,
    C: Send,
    H: Fn(Incoming<C>) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let started = Instant::now();
    let trail = Trail::of(&request);
    let correlation_id = trail.correlation_id.clone();
    let known = Known::of(&request);
    let deadline = deadline_of(&request);
    let request_id = request.lambda_context_ref().map(|context| context.request_id.clone());
    let (request_id, cold_start) = (request_id.unwrap_or_default(), lambda::is_cold_start());
    let span = tracing::info_span!(
        "request",
        correlation_id = correlation_id.as_str(),
        request_id,
        cold_start,
        order_id = Empty,
    );
    async {
        let (reply, counts) = metrics::counted(async {
            let admitted = limits::check(&request).and_then(|()| admit(request, trail));
            let admitted = admitted.and_then(|incoming| {
                incoming.parameters().check()?;
                Ok(incoming)
            });
            match admitted {
                Ok(incoming) => {
                    // Boxed, because the future of a handler is large, and each layer would copy it.
                    let answer = Box::pin(deadline::within(deadline, handler(incoming)));
                    tokio::time::timeout_at(deadline + GRACE, answer)
                        .await
                        .unwrap_or_else(|_| Err(Problem::late(started.elapsed())))
                }
                Err(problem) => Err(problem),
            }
        })
        .await;
        let response = reply
            .and_then(|reply| reply.unless(&known).respond(&correlation_id))
            .unwrap_or_else(|problem| problem.respond(&correlation_id));
        let duration_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::info!(status = response.status().as_u16(), duration_ms, "request completed");
        counts.log(correlation_id.as_str(), &request_id, cold_start);
        response
    }
    .instrument(span)
    .await
}

/// The deadline of `request`.
fn deadline_of(request: &Request) -> tokio::time::Instant {
    match request.lambda_context_ref().map(Context::deadline) {
        Some(end) => deadline::of_invocation(end, REQUEST_TIME),
        None => tokio::time::Instant::now() + REQUEST_TIME,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::future::pending;
    use std::time::SystemTime;

    use lambda_http::http::StatusCode;
    use lambda_http::http::header::RETRY_AFTER;

    use super::*;
    use crate::http::routes;

    #[tokio::test]
    async fn a_route_that_is_not_there_is_named_before_a_parameter_that_is_not_taken() {
        struct Nothing;
        impl FindRoute for Nothing {
            fn find(&self, _: &str, _: &str) -> Result<Route, Problem> {
                Err(Problem::no_such_route())
            }
        }
        let asked = |status| async move {
            let query = HashMap::from([("sort".to_owned(), vec!["asc".to_owned()])]);
            let request = Request::new(Body::Empty).with_query_string_parameters(query);
            let handler = async |_| panic!("a handler was asked");
            let response = match status {
                404 => answer_anyone(request, &Nothing, handler).await,
                _ => answer_anyone(request, &routes::DOCS, handler).await,
            };
            assert_eq!(response.status().as_u16(), status);
        };
        asked(404).await;
        asked(400).await;
    }

    fn from_platform(end: SystemTime) -> Request {
        let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let mut context = lambda_http::Context::default();
        context.deadline = u64::try_from(end).unwrap();
        Request::new(Body::Empty).with_lambda_context(context)
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_reads_the_deadline_of_its_request() {
        let (now, hour) = (SystemTime::now(), Duration::from_hours(1));
        for (request, low, high) in [
            (Request::new(Body::Empty), 5.0, 5.0),
            (from_platform(now + Duration::from_secs(10)), 5.0, 5.0),
            (from_platform(now + Duration::from_secs(4)), 1.0, 2.0),
            (from_platform(SystemTime::UNIX_EPOCH + Duration::from_mins(10)), 5.0, 5.0),
        ] {
            let handler = async |_| {
                let left = deadline::current(hour).duration_since(tokio::time::Instant::now());
                assert!((low..=high).contains(&left.as_secs_f64()), "{left:?}");
                Ok(Reply::page(""))
            };
            let response = answer_anyone(request, &routes::DOCS, handler).await;
            assert_eq!(response.status(), StatusCode::OK);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_never_answers_is_answered_for_before_the_platform_does() {
        for (request, low, high) in [
            (Request::new(Body::Empty), 6.5, 6.6),
            (from_platform(SystemTime::now() + Duration::from_secs(4)), 2.5, 3.6),
        ] {
            let started = tokio::time::Instant::now();
            let response = answer_anyone(request, &routes::DOCS, async |_| pending().await).await;
            let waited = started.elapsed().as_secs_f64();
            assert!((low..high).contains(&waited), "{waited}");
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], "5");
            let Body::Text(text) = response.body() else { panic!("no text") };
            assert!(text.contains("/problems/unavailable"), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_answers_shortly_after_its_deadline_is_heard() {
        let handler = async |_| {
            tokio::time::sleep(REQUEST_TIME + Duration::from_secs(1)).await;
            Ok(Reply::page("late"))
        };
        let response = answer_anyone(Request::new(Body::Empty), &routes::DOCS, handler).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}
