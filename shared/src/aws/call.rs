//! A call: a signed `POST` of JSON, and retries.

use std::borrow::Cow;
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

/// The header with the code of an error, in place of the body's `__type`.
const ERROR_TYPE: &str = "x-amzn-errortype";

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

/// What a call asks for: the URL, and the action if the URL doesn't name it.
struct Address<'a> {
    url: Cow<'a, str>,
    target: Option<String>,
}

/// An HTTP response.
struct Answer {
    status: u16,
    /// The code of the error, where a header has it.
    kind: Option<String>,
    body: Vec<u8>,
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
    #[must_use]
    pub fn kind(&self) -> &str {
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
            Self::Refused { status, .. } => *status >= 500 || self.is_throttling(),
            Self::Request(..) | Self::Unreadable(..) => false,
        }
    }

    /// Whether the service did nothing because there were too many requests.
    pub(crate) fn is_throttling(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => {
                *status == 429 || THROTTLED.contains(&code.as_str())
            }
            Self::Request(..) | Self::Unreachable(..) | Self::Unreadable(..) => false,
        }
    }
}

impl Client {
    pub(super) fn new(aws: Aws, service: Service, limits: Limits) -> Self {
        let url = aws.endpoint(service);
        Self { aws, service, url, limits }
    }

    /// Calls `action` with `input`. The action is a name, or a path for a service without targets.
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
        let address = self.address(action);
        let backoff = ExponentialBuilder::default()
            .with_min_delay(RETRY_DELAY)
            .with_max_times(self.limits.tries.saturating_sub(1))
            .with_jitter();
        let end = deadline::current(self.limits.in_all).min(Instant::now() + self.limits.in_all);
        // Boxed, because a call is large and many may run at once.
        let tries =
            Box::pin((|| self.try_once(&address, &body)).retry(backoff).when(CallError::may_pass));
        let answer = timeout_at(end, tries).await;
        let answer = answer.map_err(|elapsed| CallError::Unreachable(name, elapsed.into()))??;
        serde_json::from_slice(&answer).map_err(|error| CallError::Unreadable(name, error.into()))
    }

    fn address(&self, action: &str) -> Address<'_> {
        match self.service.target {
            Some(prefix) => Address {
                url: Cow::Borrowed(&self.url),
                target: Some(format!("{prefix}.{action}")),
            },
            None => Address { url: Cow::Owned(format!("{}{action}", self.url)), target: None },
        }
    }

    async fn try_once(&self, address: &Address<'_>, body: &[u8]) -> Result<Vec<u8>, CallError> {
        let name = self.service.name;
        let request = self.request(address, body).map_err(|it| CallError::Request(name, it))?;
        let answer = timeout(self.limits.one_try, self.send(request)).await;
        let answer = answer
            .map_err(BoxError::from)
            .flatten()
            .map_err(|error| CallError::Unreachable(name, error))?;
        if (200..300).contains(&answer.status) {
            Ok(answer.body)
        } else {
            Err(refusal(name, answer))
        }
    }

    async fn send(&self, request: Request) -> Result<Answer, BoxError> {
        let answer: Response = self.aws.0.connector.call(request).await?;
        let status = answer.status().as_u16();
        let kind = answer.headers().get(ERROR_TYPE).map(str::to_owned);
        let body = ByteStream::new(answer.into_body()).collect().await?;
        Ok(Answer { status, kind, body: body.to_vec() })
    }

    fn request(&self, address: &Address<'_>, body: &[u8]) -> Result<Request, BoxError> {
        let target = address.target.as_deref().map(|target| ("x-amz-target", target));
        let headers = [Some(("content-type", self.service.content_type)), target];
        let headers: Vec<_> = headers.into_iter().flatten().collect();
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
            address.url.as_ref(),
            headers.iter().copied(),
            SignableBody::Bytes(body),
        )?;
        let (signed, _) = sign(signable, &parameters)?.into_parts();
        let mut request = Request::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri(address.url.as_ref())?;
        for (name, value) in headers.into_iter().chain(signed.headers()) {
            request.headers_mut().try_insert(name.to_owned(), value.to_owned())?;
        }
        Ok(request)
    }
}

/// The error in an answer.
fn refusal(service: &'static str, answer: Answer) -> CallError {
    #[derive(Default, Deserialize)]
    struct Problem {
        #[serde(default, rename = "__type")]
        kind: String,
        #[serde(default, alias = "Message")]
        message: String,
    }

    let Problem { kind, message } = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = answer.kind.unwrap_or(kind);
    // With or without a namespace and a URL: com.amazonaws.sqs#QueueDoesNotExist:http://….
    let code = kind.split(':').next().and_then(|it| it.rsplit('#').next()).unwrap_or_default();
    CallError::Refused { service, status: answer.status, code: code.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> CallError {
        refusal("SQS", Answer { status, kind: None, body: body.into() })
    }

    #[test]
    fn an_error_is_read_with_and_without_a_namespace() {
        for body in [
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"No such queue."}"#,
            r#"{"__type":"QueueDoesNotExist","Message":"No such queue."}"#,
        ] {
            let error = refused(400, body);
            assert_eq!(error.code(), Some("QueueDoesNotExist"));
            assert_eq!(error.to_string(), "SQS answered 400 QueueDoesNotExist: No such queue.");
            assert!(!error.may_pass());
        }
    }

    #[test]
    fn an_error_may_be_named_in_a_header() {
        for kind in ["MessageRejected", "MessageRejected:http://internal.amazon.com/coral/"] {
            let kind = Some(kind.to_owned());
            let body = br#"{"message":"No such sender."}"#.to_vec();
            let error = refusal("SES", Answer { status: 400, kind, body });
            assert_eq!(error.to_string(), "SES answered 400 MessageRejected: No such sender.");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let of = |status, body: &str| refused(status, body).may_pass();
        assert!(of(500, "<html>"));
        assert!(of(503, ""));
        assert!(of(429, "{}"));
        assert!(of(400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#));
        assert!(!of(403, r#"{"__type":"AccessDeniedException"}"#));
        assert!(CallError::Unreachable("SQS", "gone".into()).may_pass());
        assert!(!CallError::Unreadable("SQS", "odd".into()).may_pass());
    }

    #[test]
    fn only_a_refusal_can_be_throttling() {
        assert!(refused(429, "{}").is_throttling());
        assert!(refused(400, r#"{"__type":"ThrottlingException"}"#).is_throttling());
        assert!(!refused(503, "{}").is_throttling());
        assert!(!CallError::Unreachable("SQS", "gone".into()).is_throttling());
    }
}
