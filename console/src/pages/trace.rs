//! The log lines of one correlation id, for requests without an order.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::log::{LogRow, rows};
use super::nothing::NothingPage;
use super::render;
use super::story::{Waterfall, waterfall};
use crate::console::Shared;
use crate::frame::{Frame, Page};

/// The page.
#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    frame: Frame,
    id: String,
    order_id: Option<String>,
    rows: Vec<LogRow>,
    left_out: usize,
    waterfall: Option<Waterfall>,
}

/// `GET /traces/{id}`
pub(crate) async fn page(State(console): State<Shared>, Path(id): Path<String>) -> Response {
    let snapshot = console.collector.snapshot().await;
    let frame = Frame::new(Page::Orders, &snapshot);
    let trace = console.collector.kept().trace(&id).cloned();
    let Some(trace) = trace else {
        let why = format!("No log lines are kept of {id}. They may have been evicted.");
        return NothingPage::new(frame, "Nothing kept", why).render_as(StatusCode::NOT_FOUND);
    };
    render(&TracePage {
        frame,
        order_id: trace.order_id().map(str::to_owned),
        waterfall: waterfall(&id, std::slice::from_ref(&trace)),
        rows: rows(&trace),
        left_out: trace.left_out,
        id,
    })
}
