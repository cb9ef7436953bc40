//! A page that says why there is nothing to show.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::render_as;
use crate::frame::Frame;

/// The page.
#[derive(Template)]
#[template(path = "nothing.html")]
pub(crate) struct NothingPage {
    frame: Frame,
    title: &'static str,
    why: String,
}

impl NothingPage {
    /// A page with this title and reason.
    pub(crate) fn new(frame: Frame, title: &'static str, why: String) -> Self {
        Self { frame, title, why }
    }

    /// Renders it.
    pub(crate) fn render_as(&self, status: StatusCode) -> Response {
        render_as(status, self)
    }
}
