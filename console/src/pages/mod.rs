//! The pages: each reads what it shows and renders its template.

pub(crate) mod fate;
pub(crate) mod faults;
pub(crate) mod fields;
pub(crate) mod log;
pub(crate) mod mail;
pub(crate) mod map;
pub(crate) mod nothing;
pub(crate) mod order;
pub(crate) mod orders;
pub(crate) mod products;
pub(crate) mod queues;
pub(crate) mod redrives;
pub(crate) mod stack;
pub(crate) mod story;
pub(crate) mod trace;
pub(crate) mod traffic;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};

/// A rendered page.
pub(crate) fn render(template: &impl Template) -> Response {
    render_as(StatusCode::OK, template)
}

/// A rendered page with a status.
pub(crate) fn render_as(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => {
            let text = format!("Failed to render the page: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}
