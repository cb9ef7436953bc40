//! Mail by SES.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::app::{Mail, MailError, SENDING, SendMail};
use crate::aws::{Aws, CallError, Client, Limits, SES};
use crate::deadline;
use crate::domain::CustomerEmail;
use crate::trace;

/// The path of `SendEmail` (SES v2).
const SEND_EMAIL: &str = "/v2/email/outbound-emails";

/// One try, as long as there is time for it: a call that is given up may have sent the mail.
const LIMITS: Limits = Limits { tries: 1, one_try: SENDING, in_all: SENDING };

/// The most retries after throttling, which is certain to have sent nothing.
const RETRIES: usize = 3;

/// The wait before the first retry. It doubles with each, and up to the same time is added at random.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// The codes of errors that are about one mail: its content or an address. Other errors of SES are about
/// the account, and pass once somebody has fixed it.
const REFUSALS: [&str; 2] = ["BadRequestException", "MessageRejected"];

/// Sends mail by SES.
pub struct Ses {
    client: Client,
    sender: String,
}

impl Ses {
    /// Sends from the address `sender`. Makes no call yet.
    #[must_use]
    pub fn new(aws: &Aws, sender: String) -> Self {
        Self { client: aws.client(SES, LIMITS), sender }
    }

    async fn call(&self, input: &Value) -> Result<String, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            message_id: String,
        }

        let span = trace::aws_call("SES", "SendEmail");
        let answer = self.client.call(SEND_EMAIL, input).await;
        let Answer { message_id } = answer.inspect_err(|error| span.fail(error.kind()))?;
        // An emulator may add a domain, which makes the id look like an address in logs.
        Ok(message_id.split('@').next().unwrap_or_default().to_owned())
    }
}

impl SendMail for Ses {
    async fn send(&self, to: &CustomerEmail, mail: &Mail) -> Result<String, MailError> {
        let part = |text: &str| json!({ "Data": text, "Charset": "UTF-8" });
        let input = json!({
            "FromEmailAddress": self.sender,
            "Destination": { "ToAddresses": [to.as_str()] },
            "Content": { "Simple": {
                "Subject": part(mail.subject()),
                "Body": { "Text": part(mail.text()), "Html": part(mail.html()) },
            } },
        });
        let backoff = ExponentialBuilder::default()
            .with_min_delay(RETRY_DELAY)
            .with_max_times(RETRIES)
            .with_jitter();
        let end = deadline::current(SENDING).min(Instant::now() + SENDING);
        let tries = (|| self.call(&input)).retry(backoff).when(CallError::is_throttling);
        match timeout_at(end, Box::pin(tries)).await {
            Ok(answer) => answer.map_err(failure),
            Err(elapsed) => Err(MailError::Failed(elapsed.into())),
        }
    }
}

/// The error without SES's message, which may contain addresses.
fn failure(error: CallError) -> MailError {
    match error {
        CallError::Refused { status: 400, code, .. } if REFUSALS.contains(&code.as_str()) => {
            MailError::Refused(code)
        }
        CallError::Refused { status, code, .. } => {
            MailError::Failed(format!("SES answered {status} {code}").into())
        }
        other => MailError::Failed(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> String {
        let message = "Email address is not verified: ada@example.com".to_owned();
        let code = code.to_owned();
        match failure(CallError::Refused { service: "SES", status, code, message }) {
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
