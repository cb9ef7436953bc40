//! Dead letters in Chromium: chosen, redriven and deleted by clicks.

use std::time::Duration;

use e2e::{Stack, job, unique};
use serde_json::json;
use testkit::sdk::Queue;
use uuid::Uuid;

use crate::Served;
use crate::browser::Browser;

/// How long a mail may take. Those that a fault of another test held up are before it, and
/// notify-customer has 30 s for them.
const HELD_UP: Duration = Duration::from_secs(90);

/// Chooses the letter of an order whose row contains `text`.
async fn choose(browser: &mut Browser, order: Uuid, text: &str) {
    let chosen = browser
        .evaluate(&format!(
            "[...document.querySelectorAll('a[href$=\"{order}\"]')].map((link) => link.closest('tr'))
                 .filter((row) => row.querySelector('input') && row.innerText.includes({text:?}))
                 .map((row) => row.querySelector('input').click()).length"
        ))
        .await;
    assert_eq!(chosen, 1, "{text}: {}", browser.text("main").await);
}

#[tokio::test]
async fn a_dead_letter_is_redriven_by_clicks_and_its_fate_is_shown() {
    let Some(mut browser) = Browser::start().await else { return };
    let stack = Stack::connect().await;
    // Of the test's own: other tests receive from that of the stack.
    let dead = Queue::create(&stack.sqs, &unique("console-dead"), &[]).await;
    let served = Served::with(&stack, &[("FULFILLMENT_DLQ_URL", &dead.url)]).await;
    let (order, correlation_id) = (Uuid::now_v7(), unique("redriven"));
    stack.store_pending_order_as(order, &correlation_id).await;
    for body in [job(order, &correlation_id), "not a job".to_owned()] {
        let letter = stack.sqs.send_message().queue_url(&dead.url).message_body(body);
        letter.send().await.unwrap();
    }

    browser.open(&served.address.url()).await;
    browser.open(&served.url("/queues")).await;
    assert!(browser.text("main").await.contains("not known"));
    choose(&mut browser, order, "").await;
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

/// An event about an order, as the bus delivers it.
fn event(name: &str, order: Uuid) -> String {
    let detail = json!({
        "v": 1,
        "order_id": order,
        "number": "ORD-20260221-6BA0A415",
        "correlation_id": "dead-mail",
    });
    json!({ "detail-type": name, "source": "waybill", "detail": detail }).to_string()
}

#[tokio::test]
async fn a_dead_event_for_mail_is_redriven_by_clicks_and_its_mail_is_sent() {
    let Some(mut browser) = Browser::start().await else { return };
    let stack = Stack::connect().await;
    let dead = Queue::create(&stack.sqs, &unique("console-dead-mail"), &[]).await;
    let served = Served::with(&stack, &[("NOTIFICATION_DLQ_URL", &dead.url)]).await;
    let order = stack.store_pending_order(&unique("dead-mail")).await;
    for name in ["OrderShipped", "OrderDelivered"] {
        let letter = stack.sqs.send_message().queue_url(&dead.url);
        letter.message_body(event(name, order)).send().await.unwrap();
    }

    browser.open(&served.address.url()).await;
    browser.open(&served.url("/queues")).await;
    choose(&mut browser, order, "OrderShipped").await;
    browser.follow("section[aria-labelledby=dead-mail] button[value=redrive]").await;
    let preview = browser.text("main").await;
    assert!(preview.contains("1 chosen") && preview.contains("sends the mail"), "{preview}");
    browser.follow("form button").await;
    browser
        .until_within(
            HELD_UP,
            "document.querySelector('#redrive .good')?.innerText.startsWith('mail sent after')",
        )
        .await;
    browser.open(&served.url(&format!("/orders/{order}"))).await;
    assert!(browser.text("#order").await.contains("OrderShipped sent at"));

    browser.open(&served.url("/queues")).await;
    choose(&mut browser, order, "OrderDelivered").await;
    browser.follow("section[aria-labelledby=dead-mail] button[value=delete]").await;
    let preview = browser.text("main").await;
    assert!(preview.contains("the mail about this event is not sent"), "{preview}");
    browser.follow("form button").await;
    let left = browser.text("section[aria-labelledby=dead-mail]").await;
    assert!(left.contains("There are no dead letters."), "{left}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    stack.sqs.delete_queue().queue_url(&dead.url).send().await.unwrap();
}
