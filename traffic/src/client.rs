//! The HTTP client of a run.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use waybill_ops::error::{Context as _, Result};

/// How long an answer may take: the timeout of the functions, and a little for the gateway.
const TIMEOUT: Duration = Duration::from_secs(12);

/// Calls one API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    api_url: String,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Client {
    /// A client of the API at this URL.
    ///
    /// # Errors
    /// If the client can't be made.
    pub fn new(api_url: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build();
        let http = http.context(|| "Failed to make an HTTP client.")?;
        Ok(Self { http, api_url: api_url.to_owned() })
    }

    /// A request to a path of the API.
    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.api_url));
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }
}

/// Sends a request and reads the answer.
///
/// # Errors
/// Why there is none: `timeout`, `connect`, or `broken` if it stopped in the middle.
pub async fn send(request: RequestBuilder) -> Result<Answer, &'static str> {
    let response = request.send().await.map_err(|error| reason(&error))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.text().await.map_err(|error| reason(&error))?;
    Ok(Answer { status, headers, body })
}

fn reason(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else {
        "broken"
    }
}

impl Answer {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it is a 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
