//! What was sent by the emulator's SES, which keeps it.

use serde_json::Value;
use waybill_ops::error::{Context as _, Result};

use super::Sources;

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    /// Its id.
    pub(crate) id: String,
    /// When it was sent, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The sender.
    pub(crate) from: String,
    /// The recipients.
    pub(crate) to: String,
    /// The subject.
    pub(crate) subject: String,
    /// The text.
    pub(crate) text: String,
    /// The HTML.
    pub(crate) html: Option<String>,
}

impl Mail {
    /// Whether its subject or its recipients contain this text, whatever its case.
    pub(crate) fn has(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        [&self.subject, &self.to].iter().any(|part| part.to_lowercase().contains(&text))
    }
}

impl Sources {
    /// All mails, newest first.
    ///
    /// # Errors
    /// If the emulator can't show them, which only MiniStack can.
    pub(crate) async fn mails(&self) -> Result<Vec<Mail>> {
        let failed = || "Mails can't be shown: only MiniStack keeps what it was asked to send.";
        let url = format!("{}/_ministack/ses/messages", self.aws.endpoint);
        let answer = self.http.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let answer: Value = answer.context(failed)?.json().await.context(failed)?;
        Ok(mails(&answer))
    }
}

/// Reads `{"messages": {account: […]}}`.
fn mails(answer: &Value) -> Vec<Mail> {
    let accounts = answer.get("messages").and_then(Value::as_object);
    let all = accounts.into_iter().flat_map(|it| it.values()).filter_map(Value::as_array).flatten();
    let mut mails: Vec<Mail> = all.map(mail).collect();
    mails.sort_by_key(|mail| std::cmp::Reverse(mail.at_ms));
    mails
}

fn mail(message: &Value) -> Mail {
    let text =
        |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let recipients = message.get("To").and_then(Value::as_array).into_iter().flatten();
    let seconds = message.get("Timestamp").and_then(Value::as_f64).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds fits")]
    let at_ms = (seconds * 1_000.0) as i64;
    Mail {
        id: text("MessageId"),
        at_ms,
        from: text("Source"),
        to: recipients.filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        subject: text("Subject"),
        text: text("BodyText"),
        html: Some(text("BodyHtml")).filter(|html| !html.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mails_are_read_newest_first() {
        let sent = |id: &str, at: f64| {
            json!({"MessageId": id, "Source": "shop@example.com", "To": ["ada@example.com"],
                "Subject": "Thank you", "BodyText": "Hello", "BodyHtml": null, "Timestamp": at})
        };
        let answer = json!({"messages": {"000000000000": [sent("a", 1.5), sent("b", 2.5)]}});
        let read = mails(&answer);
        assert_eq!((read[0].id.as_str(), read[0].at_ms), ("b", 2_500));
        assert_eq!((read[1].to.as_str(), &read[1].html), ("ada@example.com", &None));
        assert!(mails(&json!({})).is_empty());
        assert!(
            read[0].has("") && read[0].has("thank") && read[0].has("Ada@") && !read[0].has("Hello")
        );
    }
}
