//! Mail: what was sent, as it looks.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse as _, Response};

use super::fields::Fields;
use super::render;
use crate::console::Shared;
use crate::format::date;
use crate::frame::{Frame, Page};
use crate::sources::mail::Mail;
use crate::sources::sentence;

/// The most mails that are shown.
const SHOWN: usize = 50;

/// A mail's HTML loads nothing, runs nothing, and leads nowhere. Its own styles apply.
const POLICY: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";

/// The page.
#[derive(Template)]
#[template(path = "mail.html")]
struct MailPage {
    frame: Frame,
    /// What was searched for.
    query: String,
    mails: Vec<(String, Mail)>,
    more: usize,
    problem: Option<String>,
}

/// `GET /mail?q=…`: all mails, or those whose subject or recipient has what was searched for.
pub(crate) async fn page(State(console): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let frame = console.frame(Page::Mail).await;
    let query = Fields::parse(&query.unwrap_or_default()).get("q").trim().to_owned();
    let (mails, problem) = match console.sources.mails().await {
        Ok(mails) => (mails.into_iter().filter(|mail| mail.has(&query)).collect(), None),
        Err(error) => (Vec::new(), Some(sentence(&error))),
    };
    let mails: Vec<Mail> = mails;
    let more = mails.len().saturating_sub(SHOWN);
    let mails = mails.into_iter().take(SHOWN).map(|mail| (date(mail.at_ms), mail)).collect();
    render(&MailPage { frame, query, mails, more, problem })
}

/// `GET /mail/{id}/html`: the HTML of a mail, for a sandboxed frame.
pub(crate) async fn html(State(console): State<Shared>, Path(id): Path<String>) -> Response {
    let mails = console.sources.mails().await.unwrap_or_default();
    match mails.into_iter().find(|mail| mail.id == id).and_then(|mail| mail.html) {
        Some(html) => ([(CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response(),
        None => (StatusCode::NOT_FOUND, "This mail has no HTML, or is gone.").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::snapshot::Snapshot;

    #[test]
    fn a_mail_is_shown_as_text_and_its_html_in_a_frame_without_any_rights() {
        let mail = Mail {
            id: "a@b".to_owned(),
            at_ms: 0,
            from: "shop@example.com".to_owned(),
            to: "ada@example.com".to_owned(),
            subject: "<b>Thank you</b>".to_owned(),
            text: "Hello".to_owned(),
            html: Some("<script>alert(1)</script>".to_owned()),
        };
        let page = MailPage {
            frame: Frame::new(Page::Mail, &Snapshot::default()),
            query: String::new(),
            mails: vec![(String::new(), mail)],
            more: 0,
            problem: None,
        };
        let page = page.render().unwrap();
        assert!(page.contains("sandbox=\"\"") && page.contains("/mail/a%40b/html"), "{page}");
        assert!(!page.contains("alert(1)") && !page.contains("<b>Thank you"), "{page}");
    }
}
