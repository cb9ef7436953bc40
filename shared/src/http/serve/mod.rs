//! Serves requests: from the gateway's event to the response.

mod access;
mod answer;
mod limits;

use std::convert::Infallible;

use lambda_http::lambda_runtime::{LambdaInvocation, Runtime};
use lambda_http::tower::util::{MapRequest, MapResponse};
use lambda_http::{Adapter, LambdaEvent, Request, Service};

use crate::config::Config;
use crate::http::read::without_url;
use crate::http::respond::{Rendered, Response};
use crate::{BoxError, lambda};

pub use access::Callers;
pub use answer::{REQUEST_TIME, answer, answer_anyone};

#[cfg(feature = "openapi")]
pub(super) use limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES};

/// AWS's runtime for a `service` of requests.
///
/// The same as `lambda_http::runtime_concurrent`, with a step before it that takes away what no URL can
/// be made of, and one after it that spares the body a copy.
///
/// # Errors
/// If a variable is invalid.
pub fn runtime<S>(
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
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let service = Adapter::from(MapResponse::new(service, Rendered));
    let service = MapRequest::new(service, |LambdaEvent { payload, context }| {
        LambdaEvent::new(without_url(payload), context)
    });
    lambda::runtime(config, service)
}
