//! `/live`: a stream of server-sent events that says when a page has something new.
//!
//! One tab of a browser holds it and tells the others (`assets/console.js`). An event carries no
//! content: a page fetches itself again, if somebody sees it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::collect::snapshot::Snapshot;
use crate::console::Shared;

/// What a stream holds until its client hangs up.
struct Subscription {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    _place: OwnedSemaphorePermit,
}

/// Answers with an event for each snapshot, or 503 if there are too many streams.
pub(crate) async fn live(State(console): State<Shared>) -> Response {
    let Ok(place) = Arc::clone(&console.streams).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "Too many live streams. Close some tabs.")
            .into_response();
    };
    let subscription = Subscription { snapshots: console.collector.subscribe(), _place: place };
    let events = stream::unfold(subscription, async |mut subscription| {
        // An error would mean that the task is gone, and the stream ends.
        subscription.snapshots.changed().await.ok()?;
        let number = subscription.snapshots.borrow_and_update().at_ms;
        let event = Event::default().event("tick").data(number.to_string());
        Some((Ok::<_, Infallible>(event), subscription))
    });
    Sse::new(events).into_response()
}
