//! Answers one request. Read it from top to bottom: a request passes in this order.

use std::time::{Duration, Instant};

use tracing::Instrument;
use tracing::field::Empty;

use super::access::{Callers, authorize};
use super::limits;
use crate::domain::CorrelationId;
use crate::http::read::{Anyone, Incoming, Known, Request, Trail};
use crate::http::respond::{Problem, Reply, Response};
use crate::http::route::{FindRoute, Route};
use crate::lambda::{self, Invocation};
use crate::{deadline, metrics, trace};

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

/// Answers one request as [`serve`](super::serve) does.
pub async fn answer<H, F>(
    invocation: Invocation<Request>,
    callers: &Callers,
    route: &Route,
    handler: H,
) -> Response
where
    H: Fn(Incoming) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let (request, exchange, trail) = receive(invocation);
    exchange.traced.route(route.method.as_str(), route.path);
    let admitted = admit(request, callers, route, trail);
    complete(exchange, admitted, handler).await
}

/// Answers one request as [`serve_public`](super::serve_public) does.
pub async fn answer_anyone<R, H, F>(
    invocation: Invocation<Request>,
    routes: &R,
    handler: H,
) -> Response
where
    R: FindRoute + Sync,
    H: Fn(Incoming<Anyone>) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let (request, exchange, _) = receive(invocation);
    let admitted = admit_anyone(request, routes, &exchange.traced);
    complete(exchange, admitted, handler).await
}

fn receive(invocation: Invocation<Request>) -> (Request, Exchange, Trail) {
    let started = Instant::now();
    let Invocation { event: request, request_id, end } = invocation;
    let trail = Trail::of(&request);
    let exchange = Exchange {
        started,
        deadline: deadline::of_invocation(end, REQUEST_TIME),
        known: Known::of(&request),
        correlation_id: trail.correlation_id.clone(),
        request_id,
        cold_start: lambda::is_cold_start(),
        traced: trail.traced.clone(),
    };
    (request, exchange, trail)
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
    let route = routes.find(request.method.as_str(), &request.path)?;
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
    H: Fn(Incoming<C>) -> F + Sync,
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
    H: Fn(Incoming<C>) -> F,
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
    use std::future::pending;
    use std::time::SystemTime;

    use http::StatusCode;
    use http::header::RETRY_AFTER;

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
            let query = vec![("sort".to_owned(), "asc".to_owned())];
            let request = Invocation::of(Request { query, ..Request::default() });
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

    fn without_end() -> Invocation<Request> {
        Invocation::of(Request::default())
    }

    fn that_ends(end: SystemTime) -> Invocation<Request> {
        Invocation { end, ..without_end() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_reads_the_deadline_of_its_request() {
        let (now, hour) = (SystemTime::now(), Duration::from_hours(1));
        for (request, low, high) in [
            (without_end(), 5.0, 5.0),
            (that_ends(now + Duration::from_secs(10)), 5.0, 5.0),
            (that_ends(now + Duration::from_secs(4)), 1.0, 2.0),
            (that_ends(SystemTime::UNIX_EPOCH + Duration::from_mins(10)), 5.0, 5.0),
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
            (without_end(), 6.5, 6.6),
            (that_ends(SystemTime::now() + Duration::from_secs(4)), 2.5, 3.6),
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
        let response = answer_anyone(without_end(), &routes::DOCS, handler).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}
