//! The pages in Chromium.

use e2e::Stack;

use crate::Served;
use crate::browser::Browser;

#[tokio::test]
async fn every_page_opens_without_a_complaint_and_stays_current() {
    let Some(mut browser) = Browser::start().await else { return };
    let stack = Stack::connect().await;
    let served = Served::of(&stack).await;
    let product = stack.stock_product(5).await;
    let order = stack.place(&[(product, 1)]).await;
    stack.confirmed(order["id"].as_str().unwrap()).await;

    browser.open(&served.address.url()).await;
    assert_eq!(browser.evaluate("location.search").await, "", "the token stays in the address");
    for (path, title) in [
        ("/", "Stack"),
        ("/orders", "Orders"),
        ("/orders?sort=slowest", "Orders"),
        ("/queues", "Queues"),
        ("/products", "Products"),
        (&*format!("/products/{product}"), &*format!("Test product {product}")),
        ("/traffic", "Traffic"),
        ("/faults", "Break it"),
        ("/mail", "Mail"),
    ] {
        browser.open(&served.url(path)).await;
        assert_eq!(browser.text("h1").await, title);
        let wide = "document.documentElement.scrollWidth > innerWidth";
        assert_eq!(browser.evaluate(wide).await, false, "{path} is wider than the window");
    }

    // From what is on paper to the story.
    let number = order["number"].as_str().unwrap();
    browser.open(&served.url(&format!("/orders?q={number}"))).await;
    browser.follow("tbody a").await;
    assert_eq!(browser.text("h1").await, number);
    browser.until("document.querySelector('.story')?.innerText.includes('POST /orders')").await;
    let story = browser.text("#order").await;
    for part in ["place_order", "fulfill-order", "pending → confirmed"] {
        assert!(story.contains(part), "{part}: {story}");
    }
    browser.until("document.getElementById('live').textContent === 'Live'").await;
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
