//! The control API over HTTP, for programs and browsers of this machine.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::{ALLOW, CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::http::uri::{Authority, Uri};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::catalog::{ALL, Fault};
use crate::control::{Control, Refusal};
use crate::http::{Request, Response, Server};

/// The longest body in bytes. Parameters take less than a hundred.
const MAX_BODY: usize = 4096;

/// Serves the API.
///
/// # Errors
/// If the listener has no address.
pub fn serve(control: &Arc<Control>, listener: TcpListener) -> io::Result<Server> {
    let control = Arc::clone(control);
    Server::on(listener, move |request| {
        let answer = answer(&control, &request);
        std::future::ready(Some(answer.unwrap_or_else(Problem::into_response)))
    })
}

/// An error response.
struct Problem {
    status: StatusCode,
    detail: String,
    /// The methods of the path.
    allow: Option<&'static str>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), allow: None }
    }

    fn into_response(self) -> Response {
        let title = self.status.canonical_reason();
        let body = json!({ "title": title, "status": self.status.as_u16(), "detail": self.detail });
        let mut response =
            render(self.status, "application/problem+json", body.to_string().into_bytes());
        if let Some(methods) = self.allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}

fn answer(control: &Arc<Control>, request: &Request) -> Result<Response, Problem> {
    check_sender(request)?;
    let path = request.uri().path();
    if path == "/faults" {
        if request.method() != Method::GET {
            return Err(not_allowed(request, "GET"));
        }
        return ok(&control.list());
    }
    let name = path.strip_prefix("/faults/").ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "Only /faults and /faults/{name} exist.")
    })?;
    let fault = Fault::named(name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|fault| fault.name).collect();
        let detail = format!("There is no fault {name:?}. The faults are: {}.", names.join(", "));
        Problem::new(StatusCode::NOT_FOUND, detail)
    })?;
    match *request.method() {
        Method::GET => {}
        Method::PUT => strike(control, fault, request)?,
        Method::DELETE => control.end(fault),
        _ => return Err(not_allowed(request, "GET, PUT, DELETE")),
    }
    ok(&control.show(fault))
}

fn strike(control: &Arc<Control>, fault: &'static Fault, request: &Request) -> Result<(), Problem> {
    let media_type = text(request, &CONTENT_TYPE).split(';').next().unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type must be application/json.",
        ));
    }
    if request.body().len() > MAX_BODY {
        let detail = format!("The body must not be longer than {MAX_BODY} bytes.");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    control.strike(fault, request.body()).map_err(|refusal| match refusal {
        Refusal::Invalid(detail) => Problem::new(StatusCode::BAD_REQUEST, detail),
        Refusal::Conflict(detail) => Problem::new(StatusCode::CONFLICT, detail),
    })
}

/// Refuses requests that a web page of another origin makes a browser send, by its own name or by one
/// that it made lead here.
fn check_sender(request: &Request) -> Result<(), Problem> {
    let host = text(request, &HOST).parse::<Authority>();
    if !host.is_ok_and(|host| is_loopback(&host)) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "Host must be a loopback address: 127.0.0.1, [::1] or localhost.",
        ));
    }
    if !request.headers().contains_key(ORIGIN) {
        return Ok(());
    }
    let origin = text(request, &ORIGIN).parse::<Uri>();
    if !origin.is_ok_and(|origin| origin.authority().is_some_and(is_loopback)) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "Origin, if there is one, must be a loopback address.",
        ));
    }
    Ok(())
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    !authority.as_str().contains('@') && (host.eq_ignore_ascii_case("localhost") || is_loopback())
}

fn not_allowed(request: &Request, methods: &'static str) -> Problem {
    let detail = format!("{} is not allowed here. Use one of: {methods}.", request.method());
    Problem { status: StatusCode::METHOD_NOT_ALLOWED, detail, allow: Some(methods) }
}

/// The value of a header; empty if the request lacks it, or it is no text.
fn text<'a>(request: &'a Request, name: &hyper::header::HeaderName) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn ok(body: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The answer has no JSON: {error}."))
    })?;
    Ok(render(StatusCode::OK, "application/json", body))
}

fn render(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
