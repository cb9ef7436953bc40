//! Around every handler: a span to log under, an answer whatever happens, the headers of all answers.

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, LINK, LOCATION,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Body, LambdaEvent, Request, RequestExt, Response, service_fn};
use serde::Serialize;
use tracing::Instrument;
use tracing::field::Empty;

use super::access::authorize;
use super::conditional::{Known, order_tag, product_tag};
use super::event::without_url;
use super::render::{Measured, OrderBody, ProductBody};
use super::request::{self, Trail};
use super::{Anyone, FindRoute, Incoming, Problem, Route, limits};
use crate::config::Config;
use crate::domain::{Caller, CorrelationId, Order, Product};
use crate::{BoxError, Error, deadline, lambda, metrics};

/// How long a request may take in all: its deadline for whatever its handler waits for.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);

/// How long after its deadline a handler may still answer for itself, and say what it waited for. Less
/// than [`deadline::RESERVE`], so that the service answers before the platform does in its place.
const GRACE: Duration = Duration::from_millis(1500);

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

/// What a page may do: look as it does, and be framed by nobody.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'none'";

/// A handler's answer.
pub struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    content_type: &'static str,
    body: Result<Vec<u8>, serde_json::Error>,
}

impl Reply {
    /// Answers with `body` as JSON.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self { body: serde_json::to_vec(body), ..Self::text(status, "application/json", "") }
    }

    /// Answers with `body`, which is the same for everybody until the next release.
    pub fn document(content_type: &'static str, body: &str) -> Self {
        Self::text(StatusCode::OK, content_type, body)
            .with(CACHE_CONTROL, "public, max-age=300".to_owned())
    }

    /// Answers with a page in HTML that has its style with it, and that may load and run nothing.
    #[must_use]
    pub fn page(html: &str) -> Self {
        Self::document("text/html; charset=utf-8", html)
            .with(CONTENT_SECURITY_POLICY, PAGE_POLICY.to_owned())
    }

    fn text(status: StatusCode, content_type: &'static str, body: &str) -> Self {
        Self { status, headers: Vec::new(), content_type, body: Ok(body.into()) }
    }

    /// Answers with `body` as JSON, in a buffer of about its length.
    pub(super) fn measured(status: StatusCode, body: &impl Measured) -> Self {
        let mut buffer = Vec::with_capacity(body.about());
        let body = serde_json::to_writer(&mut buffer, body).map(|()| buffer);
        Self { body, ..Self::text(status, "application/json", "") }
    }

    /// Answers with `order`, and names its version for `If-Match`. Whoever keeps it asks whether it
    /// is still so before each use.
    ///
    /// # Errors
    /// [`Error::AmountOutOfRange`], as no stored order has it.
    pub fn order(status: StatusCode, order: &Order) -> Result<Self, Error> {
        let reply = Self::measured(status, &OrderBody::new(order)?);
        Ok(reply
            .with(ETAG, order_tag(&order.summary))
            .with(CACHE_CONTROL, "private, no-cache".to_owned()))
    }

    /// Answers with `product`, and names its version and its stock for `If-Match`. Whoever keeps it
    /// may use it for as long as this service's own memory would.
    #[must_use]
    pub fn product(status: StatusCode, product: &Product) -> Self {
        Self::measured(status, &ProductBody::from(product))
            .with(ETAG, product_tag(product))
            .with(CACHE_CONTROL, "private, max-age=3".to_owned())
    }

    /// 304 in place of what the client has already.
    fn unless(mut self, known: &Known) -> Self {
        let tag = self.headers.iter().find(|(name, _)| *name == ETAG);
        if self.status == StatusCode::OK && tag.is_some_and(|(_, tag)| known.has(tag)) {
            self.status = StatusCode::NOT_MODIFIED;
        }
        self
    }

    /// Says where what was made can be found.
    #[must_use]
    pub fn at(self, path: String) -> Self {
        self.with(LOCATION, path)
    }

    /// Says where what comes next can be found (RFC 8288).
    #[must_use]
    pub(super) fn before(self, target: &str) -> Self {
        self.with(LINK, format!("<{target}>; rel=\"next\""))
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

/// Serves the requests of `route` with `handler` for as long as the process lives. A caller whose token
/// has none of its scopes is refused, and so is a query parameter that it doesn't take.
///
/// # Errors
/// If the variable that names a caller makes no sense, or the Lambda runtime can't go on.
pub async fn serve<H, F>(config: &Config, route: &Route, handler: H) -> Result<(), BoxError>
where
    H: Fn(Incoming) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let watch = config.watch_caller()?;
    run(|request| answer(request, watch.as_ref(), route, &handler)).await
}

/// Serves the requests of any caller, each by the route that `routes` finds for it. The handler learns
/// nothing of the caller, and can reach no use case that needs one.
///
/// # Errors
/// If the Lambda runtime can't go on.
pub async fn serve_public<R, H, F>(routes: &R, handler: H) -> Result<(), BoxError>
where
    R: FindRoute + Sync,
    H: Fn(Incoming<Anyone>) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    run(|request| answer_anyone(request, routes, &handler)).await
}

/// What [`serve`] answers to one request; `watch` is the caller where no authorizer stands in front.
pub async fn answer<H, F>(
    request: Request,
    watch: Option<&Caller>,
    route: &Route,
    handler: H,
) -> Response<Body>
where
    H: Fn(Incoming) -> F + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let admit = |request, trail| {
        let caller = authorize(&request, watch, route.any_of)?;
        Ok(Incoming::of(request, caller, trail, *route))
    };
    answer_admitted(request, admit, handler).await
}

/// What [`serve_public`] answers to one request.
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

async fn run<A, F>(answer: A) -> Result<(), BoxError>
where
    A: Fn(Request) -> F + Sync,
    F: Future<Output = Response<Body>> + Send,
{
    let answer = &answer;
    let requests = service_fn(|request| async move { Ok::<_, Infallible>(answer(request).await) });
    let events = MapRequest::new(
        // What `lambda_http::run` makes of a handler, with a step in front of it.
        Adapter::from(requests),
        |LambdaEvent { payload, context }| LambdaEvent::new(without_url(payload), context),
    );
    lambda_http::lambda_runtime::run(events).await
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
                    let answer = deadline::within(deadline, async { handler(incoming).await });
                    tokio::time::timeout_at(deadline + GRACE, answer)
                        .await
                        .unwrap_or_else(|_| Err(Problem::late(started.elapsed())))
                }
                Err(problem) => Err(problem),
            }
        })
        .await;
        let response = reply
            .and_then(|reply| respond(reply.unless(&known), &correlation_id))
            .unwrap_or_else(|problem| problem.respond(&correlation_id));
        let duration_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::info!(status = response.status().as_u16(), duration_ms, "the request is answered");
        counts.log(correlation_id.as_str(), &request_id, cold_start);
        response
    }
    .instrument(span)
    .await
}

/// When the handler of `request` must have its answer.
fn deadline_of(request: &Request) -> tokio::time::Instant {
    let end = request.lambda_context_ref().map(|context| context.deadline());
    // `cargo lambda watch` says that every invocation ended ten minutes into 1970.
    match end.filter(|end| *end > SystemTime::now()) {
        Some(end) => deadline::of_invocation(end, REQUEST_TIME),
        None => tokio::time::Instant::now() + REQUEST_TIME,
    }
}

fn respond(reply: Reply, correlation_id: &CorrelationId) -> Result<Response<Body>, Problem> {
    let body = reply.body.map_err(Problem::internal)?;
    let mut response = response(reply.status, reply.content_type, body, correlation_id);
    for (name, value) in reply.headers {
        let value = HeaderValue::try_from(value).map_err(Problem::internal)?;
        response.headers_mut().insert(name, value);
    }
    if reply.status == StatusCode::NOT_MODIFIED {
        *response.body_mut() = Body::Empty;
        response.headers_mut().remove(CONTENT_TYPE);
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
    // As text, since API Gateway takes bytes in base64 only. JSON and HTML are always UTF-8.
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::future::pending;

    use lambda_http::http::Method;
    use lambda_http::http::header::{IF_NONE_MATCH, RETRY_AFTER};

    use super::*;
    use crate::domain::{Currency, Money, ProductId};

    async fn asked(method: Method, known: &str, status: StatusCode) -> Response<Body> {
        let product = Product {
            id: ProductId::from(uuid::Uuid::from_u128(7)),
            name: "Enamel mug".to_owned(),
            price: Money { minor: 1450, currency: Currency::parse("EUR").unwrap() },
            stock: 41,
            active: true,
            version: 7,
            updated_at: "2026-02-21T12:00:00Z".parse().unwrap(),
        };
        let mut request = Request::new(Body::Empty);
        *request.method_mut() = method;
        request.headers_mut().insert(IF_NONE_MATCH, known.parse().unwrap());
        let handler = async |_| Ok(Reply::product(status, &product));
        answer_anyone(request, &Route::default(), handler).await
    }

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
                _ => answer_anyone(request, &Route::default(), handler).await,
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
            let response = answer_anyone(request, &Route::default(), handler).await;
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
            let route = Route::default();
            let response = answer_anyone(request, &route, async |_| pending().await).await;
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
        let response = answer_anyone(Request::new(Body::Empty), &Route::default(), handler).await;
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn who_has_it_already_is_told_so_without_a_body() {
        for known in ["\"7-41\"", "W/\"1-1\", W/\"7-41\"", "*"] {
            let response = asked(Method::GET, known, StatusCode::OK).await;
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert!(matches!(response.body(), Body::Empty));
            let headers = response.headers();
            assert_eq!(headers[ETAG], "\"7-41\"");
            assert_eq!(headers[CACHE_CONTROL], "private, max-age=3");
            assert!(headers.contains_key(CORRELATION_ID) && !headers.contains_key(CONTENT_TYPE));
        }
    }

    #[tokio::test]
    async fn whatever_else_is_answered_whole() {
        for (method, known, status) in [
            (Method::GET, "\"7-40\"", StatusCode::OK),
            (Method::GET, "\"7\"", StatusCode::OK),
            (Method::PUT, "*", StatusCode::OK),
            (Method::GET, "*", StatusCode::CREATED),
        ] {
            let response = asked(method, known, status).await;
            assert_eq!(response.status(), status);
            assert!(matches!(response.body(), Body::Text(text) if text.contains("Enamel mug")));
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        }
    }
}
