//! Answers one request. Read it from top to bottom: a request passes in this order.

use std::time::{Duration, Instant};

use lambda_http::{Context, Request, RequestExt};
use tracing::Instrument;
use tracing::field::Empty;

use super::access::{Callers, authorize};
use super::limits;
use crate::domain::CorrelationId;
use crate::http::read::{Anyone, Incoming, Known, Trail, path};
use crate::http::respond::{Problem, Reply, Response};
use crate::http::route::{FindRoute, Route};
use crate::{deadline, lambda, metrics, trace};

/// The deadline of a request, for everything that its handler waits for.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);

/// How long after its deadline a handler may still answer, and say what it waited for. Less than
/// [`deadline::RESERVE`], so that the service answers before the platform's timeout.
const GRACE: Duration = Duration::from_millis(1500);

/// What the response needs, whether the request is admitted or refused.
struct Exchange {
    started: Instant,
    deadline: tokio::time::Instant,
    /// The `ETag`s that the client has.
    known: Known,
    correlation_id: CorrelationId,
    request_id: String,
    cold_start: bool,
    traced: trace::Span,
}

/// Answers a request of `route` with `handler`. Refuses a caller without one of its scopes, and query
/// parameters that it doesn't take.
pub async fn answer<H, F>(
    request: Request,
    callers: &Callers,
    route: &Route,
    handler: H,
) -> Response
where
    H: FnOnce(Incoming) -> F + Send,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let (exchange, trail) = receive(&request);
    exchange.traced.route(route.method.as_str(), route.path);
    let admitted = admit(request, callers, route, trail);
    complete(exchange, admitted, handler).await
}

/// Answers a request of any caller, by the route that `routes` finds for it. The handler gets no caller,
/// so it can't reach a use case that needs one.
pub async fn answer_anyone<R, H, F>(request: Request, routes: &R, handler: H) -> Response
where
    R: FindRoute + Sync,
    H: FnOnce(Incoming<Anyone>) -> F + Send,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let (exchange, _) = receive(&request);
    let admitted = admit_anyone(request, routes, &exchange.traced);
    complete(exchange, admitted, handler).await
}

fn receive(request: &Request) -> (Exchange, Trail) {
    let started = Instant::now();
    let trail = Trail::of(request);
    let lambda_context = request.lambda_context_ref();
    let exchange = Exchange {
        started,
        deadline: match lambda_context.map(Context::deadline) {
            Some(end) => deadline::of_invocation(end, REQUEST_TIME),
            None => tokio::time::Instant::now() + REQUEST_TIME,
        },
        known: Known::of(request),
        correlation_id: trail.correlation_id.clone(),
        request_id: lambda_context.map(|context| context.request_id.clone()).unwrap_or_default(),
        cold_start: lambda::is_cold_start(),
        traced: trail.traced.clone(),
    };
    (exchange, trail)
}

/// Checks the sizes, then the caller, then the query parameters.
fn admit(
    request: Request,
    callers: &Callers,
    route: &Route,
    trail: Trail,
) -> Result<Incoming, Problem> {
    limits::check(&request)?;
    let caller = authorize(&request, callers, route.any_of)?;
    let incoming = Incoming::of(request, caller, trail, *route);
    incoming.parameters().check()?;
    Ok(incoming)
}

/// Checks the sizes, then the route, then the query parameters.
fn admit_anyone(
    request: Request,
    routes: &impl FindRoute,
    traced: &trace::Span,
) -> Result<Incoming<Anyone>, Problem> {
    limits::check(&request)?;
    let route = routes.find(request.method().as_str(), path(&request))?;
    traced.route(route.method.as_str(), route.path);
    let incoming = Incoming::of_anyone(request, route);
    incoming.parameters().check()?;
    Ok(incoming)
}

/// Calls the handler of an admitted request, makes the response, and logs it.
async fn complete<C, H, F>(
    exchange: Exchange,
    admitted: Result<Incoming<C>, Problem>,
    handler: H,
) -> Response
where
    C: Send,
    H: FnOnce(Incoming<C>) -> F + Send,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let Exchange { started, correlation_id, request_id, cold_start, traced, .. } = &exchange;
    traced.invocation(request_id, *cold_start);
    let span = tracing::info_span!(
        "request",
        correlation_id = correlation_id.as_str(),
        request_id,
        cold_start,
        order_id = Empty,
    );
    let answered = async {
        let (reply, counts) = metrics::counted(handle(&exchange, admitted, handler)).await;
        let response = respond(&exchange, reply);
        let duration_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::info!(status = response.status().as_u16(), duration_ms, "request completed");
        traced.answered(response.status().as_u16());
        counts.log(correlation_id.as_str(), request_id, *cold_start);
        response
    };
    traced.scope(answered.instrument(span)).await
}

/// The reply of the handler, or a 503 if it is too late.
async fn handle<C, H, F>(
    exchange: &Exchange,
    admitted: Result<Incoming<C>, Problem>,
    handler: H,
) -> Result<Reply, Problem>
where
    H: FnOnce(Incoming<C>) -> F,
    F: Future<Output = Result<Reply, Problem>>,
{
    let deadline = exchange.deadline;
    // Boxed, because the future of a handler is large, and each layer would copy it.
    let reply = Box::pin(deadline::within(deadline, handler(admitted?)));
    tokio::time::timeout_at(deadline + GRACE, reply)
        .await
        .unwrap_or_else(|_| Err(Problem::late(exchange.started.elapsed())))
}

/// The response: a 304 if the client has the reply already.
fn respond(exchange: &Exchange, reply: Result<Reply, Problem>) -> Response {
    let Exchange { known, correlation_id, .. } = exchange;
    reply
        .and_then(|reply| reply.unless(|tag| known.has(tag)).respond(correlation_id))
        .unwrap_or_else(|problem| problem.respond(correlation_id))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::future::pending;
    use std::time::SystemTime;

    use http::StatusCode;
    use http::header::RETRY_AFTER;
    use lambda_http::Body;

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
            let text = String::from_utf8_lossy(response.body());
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
