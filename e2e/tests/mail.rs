//! Mail to customers, through the deployed stack.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use e2e::{Answer, Stack, eventually, order_for, unique};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::function::{Extensions, Function, post};

/// The address of the customer in [`order_for`].
const ADA: &str = "ada@example.com";

/// Changes the status of an order as staff.
async fn change(stack: &Stack, id: &str, status: &str) {
    let staff = stack.as_staff();
    let tag = staff.get(&format!("/orders/{id}")).await.header("etag").to_owned();
    let request = staff.request(Method::PATCH, &format!("/orders/{id}/status"));
    let answer =
        Answer::to(request.header("if-match", tag).json(&json!({ "status": status }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Waits until there are so many mails about an order.
async fn mails(stack: &Stack, number: &str, count: usize) -> Vec<Value> {
    let endpoint = &stack.environment.aws_endpoint_url;
    eventually(&format!("{count} mails about {number}"), async || {
        let mails = testkit::mail::sent(endpoint, number).await;
        (mails.len() >= count).then_some(mails)
    })
    .await
}

#[tokio::test]
async fn a_customer_gets_one_mail_for_each_event_of_an_order() {
    let stack = Stack::connect().await;
    let pens = stack.stock_product(10).await;
    let correlation_id = unique("mailed");
    let placed = stack.post_order_as(&correlation_id, &order_for(&[(pens, 2)])).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let (id, number) = (placed.text("/id"), placed.text("/number"));
    stack.confirmed(id).await;
    change(&stack, id, "shipped").await;
    change(&stack, id, "delivered").await;
    stack.invoke("relay-outbox").await;
    mails(&stack, number, 4).await;

    // An event that comes again is handled, and nothing is sent.
    let detail = json!({ "v": 1, "order_id": id, "correlation_id": correlation_id });
    let again = PutEventsRequestEntry::builder()
        .event_bus_name(&stack.environment.stack_name)
        .source("waybill")
        .detail_type("OrderShipped")
        .detail(detail.to_string());
    stack.eventbridge.put_events().entries(again.build()).send().await.unwrap();
    eventually("the event is handled again", async || {
        let lines = stack.log_lines("notify-customer", &correlation_id).await;
        lines.iter().any(|line| line.contains("handled before")).then_some(())
    })
    .await;

    let mails = mails(&stack, number, 4).await;
    let mut subjects: Vec<_> = mails.iter().map(|it| it["Subject"].as_str().unwrap()).collect();
    subjects.sort_unstable();
    let expected = ["confirmed", "delivered", "received", "shipped"];
    assert_eq!(subjects, expected.map(|title| format!("Order {number} {title}")));
    for mail in &mails {
        assert_eq!(mail["Source"], "orders@waybill.example");
        assert_eq!(mail["To"], json!([ADA]));
        for body in ["BodyText", "BodyHtml"] {
            let body = mail[body].as_str().unwrap();
            assert!(body.contains("Hello Ada Lovelace,") && body.contains("25.00 EUR"), "{body}");
        }
    }
}

/// A batch with one event of an order.
fn batch(order_id: &str, event: &str) -> Value {
    let detail = json!({ "v": 1, "order_id": order_id, "correlation_id": "abc" });
    let event = json!({ "detail-type": event, "detail": detail }).to_string();
    json!({ "Records": [{ "messageId": "m", "body": event }] })
}

#[tokio::test]
async fn a_refused_mail_is_recorded_and_named_in_the_log_without_its_address() {
    let stack = Stack::connect().await;
    let order = stack.store_pending_order(&unique("refused")).await;
    let sender = format!("{}@unverified.example", unique("sender"));
    let more = [("MAIL_SENDER", sender.as_str()), ("MAIL_RECIPIENT", "order")];
    let variables = stack.environment.variables(&more);
    let mut notify = Function::start("notify-customer", Extensions::Known, &variables).await;
    for _ in 0..2 {
        let answer = notify.invoke(batch(&order.to_string(), "OrderCancelled")).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
    let sql = "SELECT outcome, reason FROM notifications WHERE order_id = $1";
    let row = stack.database.query_one(sql, &[&order]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("refused", "MessageRejected"));
    notify.terminate();
    let lines = notify.end().await.lines;
    let refusals = lines.iter().filter(|line| line["reason"] == "MessageRejected").count();
    assert_eq!(refusals, 1, "{lines:?}");
    let log = serde_json::to_string(&lines).unwrap();
    assert!(!log.contains(ADA) && !log.contains(&sender), "{log}");
}

#[tokio::test]
async fn mail_for_a_token_s_address_goes_there_and_not_to_the_address_in_the_order() {
    let stack = Stack::connect().await;
    let pens = stack.stock_product(10).await;
    let recipient = ("MAIL_RECIPIENT", "token");
    let variables = stack.environment.variables(&[recipient]);
    let mut create = Function::start("create-order", Extensions::Known, &variables).await;
    let more = [("MAIL_SENDER", "orders@waybill.example"), recipient];
    let variables = stack.environment.variables(&more);
    let mut notify = Function::start("notify-customer", Extensions::Known, &variables).await;
    for (verified, expected) in [("true", vec!["proven@example.com"]), ("false", vec![])] {
        let mut request = post("/orders", &unique("key"), &order_for(&[(pens, 1)]));
        let claims = json!({
            "sub": unique("owner"),
            "exp": "9999999999",
            "scope": "orders/write",
            "email": "proven@example.com",
            "email_verified": verified,
        });
        request["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims } });
        let placed = create.invoke(request).await;
        assert_eq!(placed["statusCode"], 201, "{placed}");
        let order: Value = serde_json::from_str(placed["body"].as_str().unwrap()).unwrap();
        // Nothing but this event says so: the mail is not one of the stack's own.
        let delivered = batch(order["id"].as_str().unwrap(), "OrderDelivered");
        let answer = notify.invoke(delivered).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
        let number = order["number"].as_str().unwrap();
        let subject = format!("{number} delivered");
        let mails = testkit::mail::sent(&stack.environment.aws_endpoint_url, &subject).await;
        let to: Vec<_> = mails.iter().map(|mail| mail["To"][0].as_str().unwrap()).collect();
        assert_eq!(to, expected, "email_verified: {verified}");
    }
}
