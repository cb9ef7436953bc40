//! The services of AWS fail, each alone.

use serde_json::json;

use crate::stand::Stand;

fn services(stand: &Stand) -> [(&'static str, u16); 4] {
    let ports = stand.ports;
    [
        ("sqs", ports.sqs),
        ("dynamodb", ports.dynamodb),
        ("eventbridge", ports.eventbridge),
        ("ses", ports.ses),
    ]
}

#[tokio::test]
async fn a_service_that_fails_answers_500_and_the_others_work() {
    let stand = Stand::new().await;
    for (service, port) in services(&stand) {
        let name = format!("{service}-500");
        stand.strike(&name, json!({})).await;
        for (other, port) in services(&stand) {
            let expected = if other == service { 500 } else { 200 };
            assert_eq!(stand.ask(port).await.unwrap().0, expected, "{other}, with {name}");
        }
        assert_eq!(stand.end(&name).await, 1);
        assert_eq!(stand.ask(port).await.unwrap().1, "done");
    }
}

#[tokio::test]
async fn a_deaf_service_does_not_answer_until_the_fault_ends() {
    let stand = Stand::new().await;
    for (service, port) in services(&stand) {
        let name = format!("{service}-deaf");
        stand.strike(&name, json!({})).await;
        let ending = async {
            stand.struck(&name, 1).await;
            stand.end(&name).await
        };
        let (answer, struck) = tokio::join!(stand.ask(port), ending);
        assert!(answer.is_err(), "{name}: {answer:?}");
        assert_eq!(struck, 1, "{name}");
        assert_eq!(stand.ask(port).await.unwrap().1, "done");
    }
}

#[tokio::test]
async fn a_slow_service_answers_late_or_when_the_fault_ends() {
    let stand = Stand::new().await;
    for (service, port) in services(&stand) {
        let name = format!("{service}-slow");
        stand.strike(&name, json!({ "delay_ms": 60_000 })).await;
        let ending = async {
            stand.struck(&name, 1).await;
            stand.end(&name).await;
        };
        // Without the end, this would take a minute.
        let (answer, ()) = tokio::join!(stand.ask(port), ending);
        assert_eq!(answer.unwrap().1, "done");
        stand.strike(&name, json!({ "delay_ms": 1 })).await;
        assert_eq!(stand.ask(port).await.unwrap().1, "done");
        assert_eq!(stand.end(&name).await, 1);
    }
}
