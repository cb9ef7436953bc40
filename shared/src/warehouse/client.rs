//! Requests to the warehouse: one for each order, signed, with the order's id as idempotency key.
//!
//! Uses the HTTP client of the AWS SDK, which is linked anyway.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use backon::{ExponentialBuilder, Retryable};
use http::Uri;
use jiff::Timestamp;
use serde::Deserialize;

use super::signature::Signer;
use crate::BoxError;
use crate::app::{FulfillmentJob, Offer};
use crate::config::WarehouseConfig;
use crate::trace::{self, Span};

/// The most retries.
const RETRIES: usize = 2;

/// The first delay, doubled for the second. Up to the same again is added at random, so that a
/// batch does not return all at once.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// How much of a refusal's body is read.
const REFUSAL_SIZE: usize = 16 * 1024;

/// How long reading that body may take.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// How much of a refusal's title is kept.
const TITLE_LENGTH: usize = 200;

/// Sends orders to a URL.
pub(super) struct Client {
    connector: Connector,
    url: String,
    /// The host in `url`, for traces.
    host: String,
    signer: Signer,
}

impl Client {
    pub(super) fn new(config: WarehouseConfig) -> Result<Self, BoxError> {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.read_timeout)
            .build();
        let connector = Connector::builder()
            .connector_settings(settings)
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build();
        let signer = Signer::new(&config.secret)?;
        let url: Uri = config.url.parse()?;
        let host = url.host().unwrap_or_default().to_owned();
        Ok(Self { connector, url: config.url, host, signer })
    }

    pub(super) async fn offer(&self, job: &FulfillmentJob) -> Offer {
        let body = match job.to_body() {
            Ok(body) => body,
            Err(error) => return Offer::Unanswered(error.into()),
        };
        let backoff = ExponentialBuilder::default()
            .with_min_delay(RETRY_DELAY)
            .with_max_times(RETRIES)
            .with_jitter();
        let answer = (|| self.post(job, &body))
            .retry(backoff)
            .when(Failure::may_pass)
            .notify(|failure, _| {
                let error = crate::error::chain(failure);
                tracing::warn!(error, "warehouse request failed; retrying");
            })
            .await;
        match answer {
            Ok(()) => Offer::Accepted,
            Err(refusal @ Failure::Refused { .. }) => Offer::Refused(refusal.to_string()),
            Err(failure) => Offer::Unanswered(failure.into()),
        }
    }

    /// Posts the order once.
    async fn post(&self, job: &FulfillmentJob, body: &str) -> Result<(), Failure> {
        let span = trace::call("POST", &self.host);
        let answer = self.post_in(&span, job, body).await;
        answer.inspect_err(|failure| span.fail(failure.kind()))
    }

    async fn post_in(&self, span: &Span, job: &FulfillmentJob, body: &str) -> Result<(), Failure> {
        let traceparent = span.traceparent().or_else(|| job.traceparent.clone());
        let request = self.request(job, body, traceparent).map_err(Failure::Request)?;
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| Failure::Transport(error.into()))?;
        let status = answer.status().as_u16();
        span.responded(status);
        match status {
            200..=299 => Ok(()),
            // 408 and 429 mean try later. 409 can mean that an earlier request with the same
            // idempotency key is still in progress, whose response we may have missed.
            408 | 409 | 429 | 500..=599 => Err(Failure::NotNow(status)),
            400..=499 => {
                let title = tokio::time::timeout(REFUSAL_TIME, title(answer)).await;
                Err(Failure::Refused { status, title: title.unwrap_or_default() })
            }
            _ => Err(Failure::Unexpected(status)),
        }
    }

    fn request(
        &self,
        job: &FulfillmentJob,
        body: &str,
        traceparent: Option<String>,
    ) -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri(self.url.as_str())?;
        let signature = self.signer.sign(Timestamp::now().as_second(), body);
        let headers = request.headers_mut();
        headers.try_insert("content-type", "application/json")?;
        headers.try_insert("user-agent", concat!("waybill/", env!("CARGO_PKG_VERSION")))?;
        headers.try_insert("idempotency-key", job.order_id.to_string())?;
        headers.try_insert("x-correlation-id", job.correlation_id.as_str().to_owned())?;
        headers.try_insert("x-waybill-signature", signature)?;
        // Values that are not valid headers are left out.
        if let Some(traceparent) = traceparent.filter(|it| is_visible_ascii(it)) {
            headers.try_insert("traceparent", traceparent)?;
        }
        Ok(request)
    }
}

/// Why an order was not accepted.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The request can't be built.
    #[error("failed to build the request")]
    Request(#[source] BoxError),
    /// No connection, or no response in time.
    #[error("no answer from the warehouse")]
    Transport(#[source] BoxError),
    /// A 5xx, or an error that is not about the order.
    #[error("the warehouse answered {0}")]
    NotNow(u16),
    /// The warehouse refused the order.
    #[error("the warehouse refused it: {status}{}{title}", if title.is_empty() { "" } else { ", " })]
    Refused { status: u16, title: String },
    /// Any other status. Redirects are not followed: the order must go only to the configured URL.
    #[error("unexpected status {0} from the warehouse")]
    Unexpected(u16),
}

impl Failure {
    /// The kind of the failure for traces: one of few texts.
    fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::Transport(_) => "no_answer",
            Self::NotNow(_) => "not_now",
            Self::Refused { .. } => "refused",
            Self::Unexpected(_) => "unexpected_status",
        }
    }

    /// Whether a retry may succeed.
    fn may_pass(&self) -> bool {
        match self {
            Self::Transport(_) | Self::NotNow(_) => true,
            Self::Request(_) | Self::Refused { .. } | Self::Unexpected(_) => false,
        }
    }
}

/// The title of a problem (RFC 9457), or an empty text. Other members may name a person and are
/// dropped.
async fn title(answer: HttpResponse) -> String {
    #[derive(Deserialize)]
    struct Problem {
        title: String,
    }

    let kind = answer.headers().get("content-type").unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/problem+json") {
        return String::new();
    }
    let (mut body, mut bytes) = (ByteStream::new(answer.into_body()), Vec::new());
    while let Some(Ok(chunk)) = body.next().await {
        if bytes.len() + chunk.len() > REFUSAL_SIZE {
            return String::new();
        }
        bytes.extend_from_slice(&chunk);
    }
    let problem = serde_json::from_slice::<Problem>(&bytes);
    problem.map_or_else(|_| String::new(), |problem| printable(&problem.title))
}

/// The letters, digits, spaces and ASCII punctuation of a text, up to a length. Other characters
/// could corrupt a log or a terminal.
fn printable(text: &str) -> String {
    let is_printable = |it: &char| *it == ' ' || it.is_alphanumeric() || it.is_ascii_punctuation();
    text.chars().filter(is_printable).take(TITLE_LENGTH).collect()
}

fn is_visible_ascii(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::OFFER_TIME;
    use crate::config::READ_TIMEOUT;

    #[test]
    fn the_slowest_offer_fits_into_the_time_of_a_batch() {
        let tries = READ_TIMEOUT * u32::try_from(RETRIES + 1).unwrap();
        // Each delay is twice the one before, plus up to as much at random.
        let waits: Duration = (0..RETRIES).map(|it| RETRY_DELAY * (1 << it) * 2).sum();
        assert!(tries + waits + REFUSAL_TIME < OFFER_TIME);
    }

    #[test]
    fn only_what_may_pass_is_asked_again() {
        let refused = Failure::Refused { status: 422, title: String::new() };
        assert!(Failure::Transport("gone".into()).may_pass());
        assert!(Failure::NotNow(503).may_pass());
        assert!(!refused.may_pass());
        assert!(!Failure::Unexpected(302).may_pass());
        assert!(!Failure::Request("no".into()).may_pass());
    }

    #[test]
    fn a_reason_has_the_status_and_the_title_if_there_is_one() {
        let refused = |title: &str| Failure::Refused { status: 422, title: title.to_owned() };
        assert_eq!(refused("").to_string(), "the warehouse refused it: 422");
        let told = refused("Too heavy").to_string();
        assert_eq!(told, "the warehouse refused it: 422, Too heavy");
    }

    #[test]
    fn nothing_that_moves_a_cursor_is_kept_of_a_title() {
        assert_eq!(
            printable("Zu schwer: über 30 kg\r\n\u{1b}[2J\u{202e}!"),
            "Zu schwer: über 30 kg[2J!"
        );
        assert_eq!(printable(&"x".repeat(1000)).len(), TITLE_LENGTH);
    }

    #[test]
    fn a_traceparent_with_a_line_break_makes_no_header() {
        assert!(is_visible_ascii("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        for bad in ["", "a\r\nx-evil: 1", "a b", &"0".repeat(129)] {
            assert!(!is_visible_ascii(bad), "{bad:?}");
        }
    }
}
