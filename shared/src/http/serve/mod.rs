//! Serves requests: from the gateway's event to the response.

mod access;
mod answer;
mod limits;

use crate::app::Recipient;
use crate::config::Config;
use crate::http::read::{Anyone, Incoming, Request};
use crate::http::respond::{Problem, Reply, Response, ResponseEvent};
use crate::http::route::{FindRoute, Route};
use crate::lambda::Invocation;
use crate::{BoxError, lambda};

pub use access::Callers;
pub use answer::{REQUEST_TIME, answer, answer_anyone};

#[cfg(feature = "openapi")]
pub(super) use limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES};

/// Serves the requests of `route` with `handler` for as long as the process lives. Refuses callers
/// without one of its scopes, and query parameters that it doesn't take.
///
/// # Errors
/// If a variable is invalid, or the platform can't be reached.
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
    let answer = move |invocation| answer(invocation, callers, route, handler);
    run(config, answer).await
}

/// Serves the requests of any caller, each by the route that `routes` finds for it. The handler gets no
/// caller, so it can't reach a use case that needs one.
///
/// # Errors
/// If a variable is invalid, or the platform can't be reached.
pub async fn serve_public<R, H, F>(
    config: &Config,
    routes: &'static R,
    handler: H,
) -> Result<(), BoxError>
where
    R: FindRoute + Sync,
    H: Fn(Incoming<Anyone>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    run(config, move |invocation| answer_anyone(invocation, routes, handler)).await
}

async fn run<A, F>(config: &Config, answer: A) -> Result<(), BoxError>
where
    A: Fn(Invocation<Request>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let handler = move |invocation| async move { Ok(ResponseEvent::of(answer(invocation).await)) };
    lambda::run(config, handler).await
}
