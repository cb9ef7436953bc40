//! The console as a server: its routes, and what every response has.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use waybill_ops::error::{Context as _, Result};

use crate::console::{Console, Shared};
use crate::guard::{Guard, Verdict};
use crate::live::live;
use crate::pages::{
    faults, mail, order, orders, products, queues, redrives, stack, trace, traffic,
};

/// The largest body of a request: a few hundred message ids.
const MOST_BYTES: usize = 64 * 1024;

/// Scripts, styles and images come from here only; nothing frames a page; forms lead here only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Serves the console until the process ends.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: TcpListener, console: impl Into<Arc<Console>>) -> Result<()> {
    axum::serve(listener, router(console.into())).await.context(|| "The console stopped listening.")
}

fn router(console: Shared) -> Router {
    Router::new()
        .route("/", get(stack::page))
        .route("/orders", get(orders::page))
        .route("/orders/{id}", get(order::page))
        .route("/traces/{id}", get(trace::page))
        .route("/queues", get(queues::page))
        .route("/queues/confirm", get(redrives::confirm))
        .route("/queues/redrive", post(redrives::redrive))
        .route("/queues/delete", post(redrives::delete))
        .route("/queues/redrives/{number}", get(redrives::page))
        .route("/products", get(products::page))
        .route("/products/{id}", get(products::form).post(products::put))
        .route("/traffic", get(traffic::page).post(traffic::set))
        .route("/traffic/verdict", post(traffic::judge))
        .route("/faults", get(faults::page))
        .route("/faults/{name}/start", post(faults::start))
        .route("/faults/{name}/end", post(faults::end))
        .route("/mail", get(mail::page))
        .route("/mail/{id}/html", get(mail::html))
        .route("/live", get(live))
        .route(
            "/console.css",
            get(async || asset("text/css", include_str!("../assets/console.css"))),
        )
        .route(
            "/console.js",
            get(async || asset("text/javascript", include_str!("../assets/console.js"))),
        )
        .route(
            "/icon.svg",
            get(async || asset("image/svg+xml", include_str!("../assets/icon.svg"))),
        )
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        // The last layer is the first that sees a request.
        .layer(middleware::from_fn_with_state(Arc::clone(&console), check))
        .with_state(console)
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    let media_type = format!("{media_type}; charset=utf-8");
    ([(CONTENT_TYPE, media_type)], text).into_response()
}

/// Asks the guard, and sets the headers that every response has.
async fn check(State(console): State<Shared>, request: Request, next: Next) -> Response {
    let verdict = console.guard.judge(request.method(), request.uri(), request.headers());
    let mut response = match verdict {
        Verdict::Admit => next.run(request).await,
        Verdict::Exchange => exchange(&console.guard),
        Verdict::Forbid => {
            (StatusCode::FORBIDDEN, "This request is from another site, or for another host.")
                .into_response()
        }
        Verdict::Unknown => {
            let page = Html(include_str!("../templates/unknown.html"));
            (StatusCode::UNAUTHORIZED, page).into_response()
        }
    };
    protect(response.headers_mut());
    response
}

/// Swaps the token in the link for the cookie.
fn exchange(guard: &Guard) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    if let Ok(cookie) = HeaderValue::from_str(&guard.set_cookie()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// Sets the headers, except a policy that the page has chosen itself.
fn protect(headers: &mut HeaderMap) {
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    let fixed: [(HeaderName, &str); 4] = [
        (CACHE_CONTROL, "no-store"),
        // With `no-referrer`, browsers would send `Origin: null` with forms.
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
