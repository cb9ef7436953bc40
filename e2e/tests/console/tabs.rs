//! Many tabs of one browser.

use e2e::{Stack, eventually};

use crate::Served;
use crate::browser::Browser;

/// More than the connections that a browser opens to a host, which are six.
const TABS: usize = 8;

/// Waits until the console has so many streams.
async fn streams(served: &Served, count: usize) {
    eventually(&format!("{count} streams are open"), async || {
        (served.console.open_streams() == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn eight_tabs_share_a_stream_and_none_is_left_when_they_are_closed() {
    let Some(mut first) = Browser::start().await else { return };
    let stack = Stack::connect().await;
    let served = Served::of(&stack).await;
    first.open(&served.address.url()).await;
    let mut tabs = Vec::new();
    for _ in 1..TABS {
        tabs.push(first.another().await);
    }
    for tab in &mut tabs {
        tab.open(&served.url("/")).await;
        assert_eq!(tab.text("h1").await, "Stack");
    }
    streams(&served, 1).await;

    // With the first one its stream is gone, and another tab opens one.
    first.close().await;
    let mut last = tabs.pop().unwrap();
    last.call("Page.bringToFront", serde_json::json!({})).await;
    last.evaluate("document.getElementById('live').textContent = 'old'").await;
    last.until("document.getElementById('live').textContent === 'Live'").await;
    streams(&served, 1).await;
    // Every tab still gets pages.
    for tab in tabs.iter_mut().chain([&mut last]) {
        tab.open(&served.url("/orders")).await;
        assert_eq!(tab.text("h1").await, "Orders");
        assert_eq!(tab.complaints(), Vec::<String>::new());
    }
    streams(&served, 1).await;

    for tab in tabs {
        tab.close().await;
    }
    // The last tab ends Chromium, so it leaves the console first.
    last.open("about:blank").await;
    streams(&served, 0).await;
}
