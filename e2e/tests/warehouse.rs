//! The deployed fulfill-order with a warehouse.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use e2e::{Environment, Stack, job, unique};
use serde_json::{Value, json};
use testkit::function::{Extensions, Function};
use testkit::warehouse::{Answer, SECRET, Warehouse};
use uuid::Uuid;

/// The reason of a refusal. Its detail must not appear in logs.
const PROBLEM: &str = r#"{"title":"Too heavy","detail":"Ada Lovelace, 12 Example Street"}"#;

/// Starts the deployed function with a warehouse at `url`.
async fn fulfill_order(environment: &Environment, url: &str, secret: &str) -> Function {
    let variables = environment.variables(&[("WAREHOUSE_URL", url), ("WAREHOUSE_SECRET", secret)]);
    Function::start("fulfill-order", Extensions::Known, &variables).await
}

/// A batch with these bodies. The message ids are their indexes.
fn batch(bodies: &[&str]) -> Value {
    let record =
        |(number, body): (usize, &&str)| json!({ "messageId": number.to_string(), "body": body });
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// Puts the job of an order into the outbox, due in an hour.
async fn keep_job(stack: &Stack, order: Uuid, job: &str) {
    let sql =
        "UPDATE outbox SET payload = $2::text::jsonb, available_at = now() + interval '1 hour'
               WHERE id = $1";
    stack.database.execute(sql, &[&order, &job]).await.unwrap();
}

#[tokio::test]
async fn accepted_orders_are_confirmed_and_refused_ones_keep_the_reason() {
    let stack = Stack::connect().await;
    let warehouse =
        Warehouse::that(|request, _| match request.header("x-correlation-id").split_once('-') {
            Some(("heavy", _)) => Answer::Body(422, "application/problem+json", PROBLEM),
            Some(("odd", _)) => Answer::Status(302),
            _ => Answer::Status(201),
        })
        .await;
    let (good, heavy, odd) = (unique("good"), unique("heavy"), unique("odd"));
    let mut jobs = Vec::new();
    for correlation_id in [&good, &heavy, &odd] {
        let order = stack.store_pending_order(correlation_id).await;
        let job = job(order, correlation_id);
        keep_job(&stack, order, &job).await;
        jobs.push((order, job));
    }
    let [(accepted, a), (refused, b), (unanswered, c)] = &jobs[..] else { unreachable!() };
    let mut function = fulfill_order(&stack.environment, &warehouse.url, SECRET).await;
    let answer = function.invoke(batch(&[a, b, c, b])).await;
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] }));
    assert_eq!(warehouse.requests().len(), 3);

    assert_eq!(stack.statuses_of(*accepted).await, ["pending", "confirmed"]);
    assert_eq!(stack.statuses_of(*unanswered).await, ["pending"]);
    let reason = "the warehouse refused it: 422, Too heavy";
    let order = stack.get(&format!("/orders/{refused}")).await;
    assert_eq!((order.text("/status"), order.header("etag")), ("pending", "\"2\""));
    let history = &order.body["history"];
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert!(history[0].get("reason").is_none(), "{history}");
    assert_eq!(history[1]["reason"], reason);
    let letter = stack.take_dead_letter(b).await;
    assert_eq!(letter.message_attributes().unwrap()["reason"].string_value(), Some(reason));

    // The accepted job is gone, the refused one is parked, and the third is unchanged.
    let sql = "SELECT available_at = 'infinity' FROM outbox WHERE id = ANY ($1) ORDER BY id";
    let ids = [*accepted, *refused, *unanswered];
    let rows = stack.database.query(sql, &[&ids.as_slice()]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<bool>>(), [true, false]);

    // A confirmed order is not offered again.
    let answer = function.invoke(batch(&[a])).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(warehouse.requests().len(), 3);

    function.terminate();
    let log = serde_json::to_string(&function.end().await.lines).unwrap();
    assert!(log.contains(reason) && log.contains(&heavy), "{log}");
    for hidden in [SECRET, "Ada", "Example Street"] {
        assert!(!log.contains(hidden), "{log}");
    }
}

#[tokio::test]
async fn an_insecure_warehouse_url_or_secret_prevents_the_start() {
    let environment = Environment::read();
    for (url, secret, variable) in [
        ("http://warehouse.example/orders", SECRET, "WAREHOUSE_URL"),
        ("https://user:hush@warehouse.example/orders", SECRET, "WAREHOUSE_URL"),
        ("https://warehouse.example/orders", "", "WAREHOUSE_SECRET"),
        ("https://warehouse.example/orders", "hush", "WAREHOUSE_SECRET"),
    ] {
        let end = fulfill_order(&environment, url, secret).await.end().await;
        assert_eq!(end.code, Some(1), "{url}");
        let line = end.lines.last().unwrap()["error"].as_str().unwrap().to_owned();
        assert!(line.starts_with(variable) && !line.contains("hush"), "{line}");
    }
}
