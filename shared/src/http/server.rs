//! Around every handler: a span to log under, an answer whatever happens, the headers of all answers.

use std::convert::Infallible;
use std::time::Instant;

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, LOCATION, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response, service_fn};
use serde::Serialize;
use tracing::Instrument;
use tracing::field::Empty;

use super::access::authorize;
use super::render::OrderBody;
use super::request::Trail;
use super::{Anyone, Incoming, Problem};
use crate::config::Config;
use crate::domain::{CorrelationId, Order, Scope};
use crate::{BoxError, Error, lambda, metrics};

/// Carries the correlation id, there and back.
pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What every response says unless its reply says otherwise: take the body for what it says it is,
/// come back by TLS only (for two years, as browsers want it), and let nobody keep what is the caller's.
const ALWAYS: [(HeaderName, &str); 3] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (CACHE_CONTROL, "private, no-store"),
];

/// A handler's answer.
pub struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Result<Vec<u8>, serde_json::Error>,
}

impl Reply {
    /// Answers with `body` as JSON.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self { status, headers: Vec::new(), body: serde_json::to_vec(body) }
    }

    /// Answers with `order`, and names its version for `If-Match`.
    ///
    /// # Errors
    /// [`Error::AmountOutOfRange`], as no stored order has it.
    pub fn order(status: StatusCode, order: &Order) -> Result<Self, Error> {
        let reply = Self::json(status, &OrderBody::new(order)?);
        Ok(reply.with(ETAG, format!("\"{}\"", order.summary.version)))
    }

    /// Says where what was made can be found.
    #[must_use]
    pub fn at(self, path: String) -> Self {
        self.with(LOCATION, path)
    }

    /// Says that an earlier request with the same key was answered so.
    #[must_use]
    pub fn replayed(self) -> Self {
        self.with(IDEMPOTENT_REPLAYED, "true".to_owned())
    }

    fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Serves requests with `handler` for as long as the process lives: those of callers whose token has
/// at least one of the scopes `any_of`.
///
/// # Errors
/// If the variable that names a caller makes no sense, or the Lambda runtime can't go on.
pub async fn serve<H, F>(config: &Config, any_of: &[Scope], handler: H) -> Result<(), BoxError>
where
    H: Fn(Incoming) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let watch = config.watch_caller()?;
    run(
        |request, trail| {
            let caller = authorize(&request, watch.as_ref(), any_of)?;
            Ok(Incoming::of(request, caller, trail))
        },
        handler,
    )
    .await
}

/// Serves the requests of whoever makes them. The handler learns nothing of the caller, and can reach
/// no use case that needs one.
///
/// # Errors
/// If the Lambda runtime can't go on.
pub async fn serve_public<H, F>(handler: H) -> Result<(), BoxError>
where
    H: Fn(Incoming<Anyone>) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    run(|request, _| Ok(Incoming::of_anyone(request)), handler).await
}

async fn run<A, C, H, F>(admit: A, handler: H) -> Result<(), BoxError>
where
    A: Fn(Request, Trail) -> Result<Incoming<C>, Problem> + Sync,
    C: Send,
    H: Fn(Incoming<C>) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let (admit, handler) = (&admit, &handler);
    lambda_http::run(service_fn(|request| answer(request, admit, handler))).await
}

async fn answer<A, C, H, F>(
    request: Request,
    admit: &A,
    handler: &H,
) -> Result<Response<Body>, Infallible>
where
    A: Fn(Request, Trail) -> Result<Incoming<C>, Problem> + Sync,
    C: Send,
    H: Fn(Incoming<C>) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let started = Instant::now();
    let trail = Trail::of(&request);
    let correlation_id = trail.correlation_id.clone();
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
            match admit(request, trail) {
                Ok(incoming) => handler(incoming).await,
                Err(problem) => Err(problem),
            }
        })
        .await;
        let response = reply
            .and_then(|reply| respond(reply, &correlation_id))
            .unwrap_or_else(|problem| problem.respond(&correlation_id));
        let duration_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::info!(status = response.status().as_u16(), duration_ms, "the request is answered");
        counts.log(correlation_id.as_str(), &request_id, cold_start);
        Ok(response)
    }
    .instrument(span)
    .await
}

fn respond(reply: Reply, correlation_id: &CorrelationId) -> Result<Response<Body>, Problem> {
    let body = reply.body.map_err(Problem::internal)?;
    let mut response = response(reply.status, "application/json", body, correlation_id);
    for (name, value) in reply.headers {
        let value = HeaderValue::try_from(value).map_err(Problem::internal)?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// A response with what every response has.
pub(super) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    correlation_id: &CorrelationId,
) -> Response<Body> {
    // As text, since API Gateway takes bytes in base64 only. JSON is always UTF-8.
    let body = String::from_utf8(body).map_or(Body::Empty, Body::Text);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.extend(ALWAYS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Ok(correlation_id) = HeaderValue::from_str(correlation_id.as_str()) {
        headers.insert(CORRELATION_ID, correlation_id);
    }
    response
}
