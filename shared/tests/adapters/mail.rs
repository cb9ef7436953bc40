//! Mail by SES: to the emulator, and to an SES that answers as a test tells it to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use testkit::http::{Server, response};
use uuid::Uuid;
use waybill::app::{Mail, MailError, SendMail};
use waybill::domain::CustomerEmail;

use crate::support::{aws, aws_at, ses_client};

fn ada() -> CustomerEmail {
    CustomerEmail::parse("ada@example.com").unwrap()
}

fn mail(subject: &str) -> Mail {
    Mail::new(subject.to_owned(), "Hello Ada,".to_owned(), "<p>Hello Ada,</p>".to_owned()).unwrap()
}

#[tokio::test]
async fn a_mail_is_sent_as_text_and_html_from_a_verified_sender() {
    let aws = aws().await;
    let endpoint = aws.endpoint_url().unwrap();
    let id = Uuid::new_v4();
    let (sender, subject) = (format!("orders-{id}@waybill.example"), format!("Order {id} äöü ×"));
    testkit::mail::verify(endpoint, &sender).await;
    let ses = ses_client(&aws, sender.clone());
    let message_id = ses.send(&ada(), &mail(&subject)).await.unwrap();
    let [mail] = &testkit::mail::sent(endpoint, &subject).await[..] else { panic!("not one mail") };
    let known = mail["MessageId"].as_str().unwrap();
    assert!(known.starts_with(&message_id) && !message_id.contains('@'), "{known} {message_id}");
    assert_eq!((&mail["Source"], &mail["To"]), (&json!(sender), &json!(["ada@example.com"])));
    assert_eq!(mail["BodyText"], "Hello Ada,");
    assert_eq!(mail["BodyHtml"], "<p>Hello Ada,</p>");
}

#[tokio::test]
async fn a_mail_from_an_unverified_sender_is_refused_by_its_code_alone() {
    let aws = aws().await;
    let sender = format!("orders-{}@waybill.example", Uuid::new_v4());
    let ses = ses_client(&aws, sender);
    let refused = ses.send(&ada(), &mail("Order")).await.unwrap_err();
    let MailError::Refused(code) = refused else { panic!("{refused:?}") };
    assert_eq!(code, "MessageRejected");
}

/// An SES that answers so many calls with an error. Returns its calls, and what came of a mail.
async fn with_errors(times: usize, status: u16, code: &'static str) -> (usize, Option<MailError>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let server = Server::start(move |request| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_eq!(request.uri(), "/v2/email/outbound-emails");
            if call >= times {
                return Some(response(200, &[], r#"{"MessageId":"1"}"#));
            }
            let body = r#"{"message":"about ada@example.com"}"#;
            Some(response(status, &[("x-amzn-errortype", code)], body))
        }
    })
    .await
    .unwrap();
    let aws = aws_at(&server.url()).await;
    let ses = ses_client(&aws, "orders@waybill.example".to_owned());
    let error = ses.send(&ada(), &mail("Order")).await.err();
    (calls.load(Ordering::SeqCst), error)
}

#[tokio::test]
async fn only_throttling_is_tried_again_at_once_and_an_error_names_no_address() {
    let (calls, error) = with_errors(2, 429, "TooManyRequestsException").await;
    assert!(calls == 3 && error.is_none(), "{calls} calls, {error:?}");
    for (times, status, code, expected) in [
        (9, 429, "TooManyRequestsException", 4),
        (1, 500, "InternalFailure", 1),
        (1, 403, "AccessDeniedException", 1),
        (1, 400, "MessageRejected", 1),
        (1, 400, "BadRequestException", 1),
    ] {
        let (calls, error) = with_errors(times, status, code).await;
        let error = error.unwrap();
        assert_eq!(calls, expected, "{error:?}");
        assert_eq!(matches!(error, MailError::Refused(_)), status == 400, "{error:?}");
        assert!(!format!("{error:?}").contains("ada"), "{error:?}");
    }
}
