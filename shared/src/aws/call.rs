//! A call: a signed `POST` of JSON, and retries.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::http::{Request, Response};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use backon::{ExponentialBuilder, Retryable};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Aws, Service};
use crate::{BoxError, deadline};

/// The wait before the second try. It doubles with each try, and up to the same time is added at
/// random.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// The codes of throttling errors, whose status is a 400.
const THROTTLED: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// How often and for how long a call is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many tries there are in all.
    pub(crate) tries: usize,
    /// The timeout of a try.
    pub(crate) one_try: Duration,
    /// The timeout of all tries. The deadline of the invocation may come earlier.
    pub(crate) in_all: Duration,
}

/// A client of one service.
#[derive(Clone)]
pub(crate) struct Client {
    aws: Aws,
    service: Service,
    url: String,
    limits: Limits,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request can't be made.
    #[error("the request to {0} can't be made")]
    Request(&'static str, #[source] BoxError),
    /// No connection, or no answer in time.
    #[error("{0} can't be reached")]
    Unreachable(&'static str, #[source] BoxError),
    /// An error of the service.
    #[error("{service} answered {status} {code}: {message}")]
    Refused {
        /// The service.
        service: &'static str,
        /// The HTTP status.
        status: u16,
        /// The service's code of the error, or an empty text.
        code: String,
        /// The service's message.
        message: String,
    },
    /// An answer of another shape than documented.
    #[error("the answer of {0} can't be read")]
    Unreadable(&'static str, #[source] BoxError),
}

impl CallError {
    /// The service's code of the error, if it answered.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The kind of the failure for traces: one of few texts.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Request(..) => "invalid_request",
            Self::Unreachable(..) => "unreachable",
            Self::Refused { code, .. } if code.is_empty() => "refused",
            Self::Refused { code, .. } => code,
            Self::Unreadable(..) => "unreadable",
        }
    }

    /// Whether the same request may succeed in a moment.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(..) => true,
            Self::Refused { status, code, .. } => {
                *status >= 500 || *status == 429 || THROTTLED.contains(&code.as_str())
            }
            Self::Request(..) | Self::Unreadable(..) => false,
        }
    }
}

impl Client {
    pub(super) fn new(aws: Aws, service: Service, limits: Limits) -> Self {
        let url = aws.endpoint(service);
        Self { aws, service, url, limits }
    }

    /// Calls `action` with `input`.
    ///
    /// # Errors
    /// The error of the last try.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        action: &str,
        input: &impl Serialize,
    ) -> Result<T, CallError> {
        let name = self.service.name;
        let body =
            serde_json::to_vec(input).map_err(|error| CallError::Request(name, error.into()))?;
        let target = format!("{}.{action}", self.service.target);
        let backoff = ExponentialBuilder::default()
            .with_min_delay(RETRY_DELAY)
            .with_max_times(self.limits.tries.saturating_sub(1))
            .with_jitter();
        let end = deadline::current(self.limits.in_all).min(Instant::now() + self.limits.in_all);
        // Boxed, because a call is large and many may run at once.
        let tries =
            Box::pin((|| self.try_once(&target, &body)).retry(backoff).when(CallError::may_pass));
        let answer = timeout_at(end, tries).await;
        let answer = answer.map_err(|elapsed| CallError::Unreachable(name, elapsed.into()))??;
        serde_json::from_slice(&answer).map_err(|error| CallError::Unreadable(name, error.into()))
    }

    async fn try_once(&self, target: &str, body: &[u8]) -> Result<Vec<u8>, CallError> {
        let name = self.service.name;
        let request = self.request(target, body).map_err(|it| CallError::Request(name, it))?;
        let answer = timeout(self.limits.one_try, self.send(request)).await;
        let (status, answer) = answer
            .map_err(BoxError::from)
            .flatten()
            .map_err(|error| CallError::Unreachable(name, error))?;
        if (200..300).contains(&status) { Ok(answer) } else { Err(refusal(name, status, &answer)) }
    }

    async fn send(&self, request: Request) -> Result<(u16, Vec<u8>), BoxError> {
        let answer: Response = self.aws.0.connector.call(request).await?;
        let status = answer.status().as_u16();
        let body = ByteStream::new(answer.into_body()).collect().await?;
        Ok((status, body.to_vec()))
    }

    fn request(&self, target: &str, body: &[u8]) -> Result<Request, BoxError> {
        let headers = [("content-type", self.service.content_type), ("x-amz-target", target)];
        let parameters = SigningParams::builder()
            .identity(&self.aws.0.identity)
            .region(&self.aws.0.config.region)
            .name(self.service.signing_name)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(
            "POST",
            self.url.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body),
        )?;
        let (signed, _) = sign(signable, &parameters)?.into_parts();
        let mut request = Request::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri(self.url.as_str())?;
        for (name, value) in headers.into_iter().chain(signed.headers()) {
            request.headers_mut().try_insert(name.to_owned(), value.to_owned())?;
        }
        Ok(request)
    }
}

/// The error in an answer.
fn refusal(service: &'static str, status: u16, answer: &[u8]) -> CallError {
    #[derive(Default, Deserialize)]
    struct Problem {
        #[serde(default, rename = "__type")]
        kind: String,
        #[serde(default, alias = "Message")]
        message: String,
    }

    let Problem { kind, message } = serde_json::from_slice(answer).unwrap_or_default();
    // With or without a namespace: com.amazonaws.sqs#QueueDoesNotExist.
    let code = kind.rsplit('#').next().unwrap_or_default().to_owned();
    CallError::Refused { service, status, code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_with_and_without_a_namespace() {
        for body in [
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"No such queue."}"#,
            r#"{"__type":"QueueDoesNotExist","Message":"No such queue."}"#,
        ] {
            let error = refusal("SQS", 400, body.as_bytes());
            assert_eq!(error.code(), Some("QueueDoesNotExist"));
            assert_eq!(error.to_string(), "SQS answered 400 QueueDoesNotExist: No such queue.");
            assert!(!error.may_pass());
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let of = |status, body: &str| refusal("SQS", status, body.as_bytes()).may_pass();
        assert!(of(500, "<html>"));
        assert!(of(503, ""));
        assert!(of(429, "{}"));
        assert!(of(400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#));
        assert!(!of(403, r#"{"__type":"AccessDeniedException"}"#));
        assert!(CallError::Unreachable("SQS", "gone".into()).may_pass());
        assert!(!CallError::Unreadable("SQS", "odd".into()).may_pass());
    }
}
