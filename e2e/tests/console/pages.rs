//! The pages in Chromium.

use e2e::{Stack, job, unique};
use testkit::sdk::Queue;
use uuid::Uuid;

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

#[tokio::test]
async fn a_dead_letter_is_redriven_by_clicks_and_its_fate_is_shown() {
    let Some(mut browser) = Browser::start().await else { return };
    let stack = Stack::connect().await;
    // Of the test's own: other tests receive from that of the stack.
    let dead = Queue::create(&stack.sqs, &unique("console-dead"), &[]).await;
    let served = Served::with_dead_letters(&stack, &dead.url).await;
    let (order, correlation_id) = (Uuid::now_v7(), unique("redriven"));
    stack.store_pending_order_as(order, &correlation_id).await;
    for body in [job(order, &correlation_id), "not a job".to_owned()] {
        let letter = stack.sqs.send_message().queue_url(&dead.url).message_body(body);
        letter.send().await.unwrap();
    }

    browser.open(&served.address.url()).await;
    browser.open(&served.url("/queues")).await;
    assert!(browser.text("main").await.contains("not known"));
    browser.evaluate(&format!("document.querySelector('a[href$=\"{order}\"]').closest('tr').querySelector('input').click()")).await;
    browser.follow("button[value=redrive]").await;
    let preview = browser.text("main").await;
    assert!(preview.contains("fulfills the order") && preview.contains("pending"), "{preview}");
    assert!(preview.contains("1 chosen"), "{preview}");
    browser.follow("form button").await;
    browser
        .until("document.querySelector('#redrive .good')?.innerText.startsWith('confirmed after')")
        .await;
    assert_eq!(stack.statuses_of(order).await, ["pending", "confirmed"]);

    browser.open(&served.url("/queues")).await;
    browser.evaluate("document.querySelector('input[name=message]').click()").await;
    browser.follow("button[value=delete]").await;
    assert!(browser.text("h1").await.starts_with("Delete"));
    browser.follow("form button").await;
    assert!(browser.text("main").await.contains("There are no dead letters."));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    stack.sqs.delete_queue().queue_url(&dead.url).send().await.unwrap();
}
