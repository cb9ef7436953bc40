//! Serves requests: from the gateway's event to the response.

mod access;
mod answer;
mod limits;

use std::convert::Infallible;

use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Body, LambdaEvent, Request, Response, service_fn};

use crate::app::Recipient;
use crate::config::Config;
use crate::http::read::{Anyone, Incoming, without_url};
use crate::http::respond::{Problem, Reply};
use crate::http::route::{FindRoute, Route};
use crate::{BoxError, lambda};

pub use access::Callers;
pub use answer::{REQUEST_TIME, answer, answer_anyone};

#[cfg(feature = "openapi")]
pub(super) use limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES};

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
