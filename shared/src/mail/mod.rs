//! Mail by SES.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_sdk_sesv2::config::Builder;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use aws_sdk_sesv2::{Client, Config};
use backon::{ExponentialBuilder, Retryable};
use tokio::time::{Instant, timeout_at};

use crate::app::{Mail, MailError, SENDING, SendMail};
use crate::aws::{CallError, Limits};
use crate::deadline;
use crate::domain::CustomerEmail;
use crate::trace;

/// One try, as long as there is time for it: a call that is given up may have sent the mail.
const LIMITS: Limits = Limits { tries: 1, one_try: SENDING, in_all: SENDING };

/// The most retries after throttling, which is certain to have sent nothing.
const RETRIES: usize = 3;

/// The wait before the first retry. It doubles with each, and up to the same time is added at random.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// The codes of errors that are about one mail: its content or an address. Other errors of SES are about
/// the account, and pass once somebody has fixed it.
const REFUSALS: [&str; 2] = ["BadRequestException", "MessageRejected"];

/// The settings of the client that sends mails.
#[must_use]
pub fn settings(aws: &SdkConfig) -> Config {
    Builder::from(aws).retry_config(LIMITS.retries()).timeout_config(LIMITS.timeouts()).build()
}

/// Sends mail by SES.
pub struct Ses {
    client: Client,
    sender: String,
}

impl Ses {
    /// Sends from the address `sender`. Makes no call yet.
    #[must_use]
    pub fn new(client: Client, sender: String) -> Self {
        Self { client, sender }
    }
}

impl SendMail for Ses {
    async fn send(&self, to: &CustomerEmail, mail: &Mail) -> Result<String, MailError> {
        let invalid = |error: aws_sdk_sesv2::error::BuildError| MailError::Failed(error.into());
        let part = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let subject = part(mail.subject()).map_err(invalid)?;
        let text = part(mail.text()).map_err(invalid)?;
        let html = part(mail.html()).map_err(invalid)?;
        let message = Message::builder()
            .subject(subject)
            .body(Body::builder().text(text).html(html).build())
            .build();
        let call = self
            .client
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .content(EmailContent::builder().simple(message).build());
        let backoff = ExponentialBuilder::default()
            .with_min_delay(RETRY_DELAY)
            .with_max_times(RETRIES)
            .with_jitter();
        let end = deadline::current(SENDING).min(Instant::now() + SENDING);
        let tries = (|| send(call.clone())).retry(backoff).when(is_throttling);
        match timeout_at(end, Box::pin(tries)).await {
            Ok(answer) => answer.map_err(failure),
            Err(elapsed) => Err(MailError::Failed(elapsed.into())),
        }
    }
}

/// Sends a mail once, and returns its id.
async fn send(call: SendEmailFluentBuilder) -> Result<String, CallError<SdkError<SendEmailError>>> {
    let span = trace::aws_call("SES", "SendEmail");
    let answer = LIMITS.in_time(call.send()).await;
    let sent = answer.inspect_err(|error| span.fail(error.kind()))?;
    // An emulator may add a domain, which makes the id look like an address in logs.
    Ok(sent.message_id().and_then(|id| id.split('@').next()).unwrap_or_default().to_owned())
}

fn is_throttling(error: &CallError<SdkError<SendEmailError>>) -> bool {
    THROTTLING_ERRORS.contains(&error.kind())
}

/// The error without SES's message, which may contain addresses.
fn failure(error: CallError<SdkError<SendEmailError>>) -> MailError {
    let CallError::Failed(refused) = &error else { return MailError::Failed(error.into()) };
    let Some(status) = refused.raw_response().map(|answer| answer.status().as_u16()) else {
        return MailError::Failed(error.into());
    };
    let code = refused.code().unwrap_or_default();
    if status == 400 && REFUSALS.contains(&code) {
        return MailError::Refused(code.to_owned());
    }
    MailError::Failed(format!("SES answered {status} {code}").into())
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::config::http::HttpResponse;
    use aws_sdk_sesv2::error::ErrorMetadata;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn refused(status: u16, code: &str) -> String {
        let message = "Email address is not verified: ada@example.com";
        let error = ErrorMetadata::builder().code(code).message(message).build();
        let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let error = SdkError::service_error(SendEmailError::generic(error), answer);
        match failure(CallError::Failed(error)) {
            MailError::Refused(code) => format!("refused {code}"),
            MailError::Failed(error) => crate::error::chain(&*error),
        }
    }

    #[test]
    fn a_mail_is_refused_only_for_what_is_wrong_with_it() {
        assert_eq!(refused(400, "MessageRejected"), "refused MessageRejected");
        assert_eq!(refused(400, "BadRequestException"), "refused BadRequestException");
        for (status, code) in [
            (400, "AccountSuspendedException"),
            (400, "MailFromDomainNotVerifiedException"),
            (400, "SendingPausedException"),
            (403, "AccessDeniedException"),
            (403, "ExpiredTokenException"),
            (404, "NotFoundException"),
            (429, "TooManyRequestsException"),
            (500, "InternalFailure"),
            (503, "MessageRejected"),
        ] {
            assert_eq!(refused(status, code), format!("SES answered {status} {code}"));
        }
    }
}
