//! notify-customer is killed, SES fails, and Postgres is away.

use e2e::eventually;
use serde_json::{Value, json};
use testkit::fault::Fault;
use testkit::function::Function;
use testkit::proxy::Holds;

use crate::world::{FOREVER, World};

/// An order whose customer is to be mailed.
struct Mailed {
    world: World,
    number: String,
    event: Value,
}

impl Mailed {
    /// A new order, and the event that says so in a batch.
    async fn new() -> Self {
        let world = World::new().await;
        let mut create = world.start("create-order").await;
        let placed = world.place(&mut create, world.request("a")).await;
        let order: Value = serde_json::from_str(placed["body"].as_str().unwrap()).unwrap();
        let event = json!({
            "detail-type": "OrderPlaced",
            "detail": { "v": 1, "order_id": order["id"], "correlation_id": "abc" },
        });
        let record = json!({ "messageId": "m", "body": event.to_string() });
        let number = order["number"].as_str().unwrap().to_owned();
        Self { world, number, event: json!({ "Records": [record] }) }
    }

    /// How many mails SES has accepted.
    async fn mails(&self) -> usize {
        let endpoint = &self.world.stack.environment.aws_endpoint_url;
        testkit::mail::sent(endpoint, &self.number).await.len()
    }

    /// Delivers the event, and returns whether its message succeeded.
    async fn deliver(&self, notify: &mut Function) -> bool {
        let answer = notify.invoke(self.event.clone()).await;
        answer == json!({ "batchItemFailures": [] })
    }

    /// Delivers the event until its message succeeds.
    async fn deliver_until_done(&self, notify: &mut Function) {
        let done = async || self.deliver(&mut *notify).await.then_some(());
        eventually("the message succeeds", done).await;
    }

    /// How many outcomes are recorded.
    async fn outcomes(&self) -> i64 {
        self.world.count("SELECT count(*) FROM notifications WHERE outcome = 'sent'").await
    }
}

#[tokio::test]
async fn killed_between_yes_and_the_record_sends_a_second_mail_and_no_third() {
    let mailed = Mailed::new().await;
    let world = &mailed.world;
    let notify = world.start("notify-customer").await;
    world.ses.fail(Fault::Slow(FOREVER));
    notify.give(mailed.event.clone()).await;
    // SES has sent the mail. The next request to Postgres records it.
    world.ses.struck(1).await;
    world.postgres.hold(Holds::Requests);
    world.ses.clear();
    world.postgres.struck().await;
    notify.kill().await;
    world.postgres.release();
    assert_eq!((mailed.mails().await, mailed.outcomes().await), (1, 0));

    let mut notify = world.start("notify-customer").await;
    mailed.deliver_until_done(&mut notify).await;
    assert_eq!((mailed.mails().await, mailed.outcomes().await), (2, 1));
    mailed.deliver_until_done(&mut notify).await;
    assert_eq!(mailed.mails().await, 2);
}

#[tokio::test]
async fn a_mail_that_ses_failed_to_send_is_sent_when_its_event_comes_again() {
    let mailed = Mailed::new().await;
    let mut notify = mailed.world.start("notify-customer").await;
    mailed.world.ses.fail(Fault::Failing);
    assert!(!mailed.deliver(&mut notify).await);
    // An answer that may have been lost is not asked for again at once.
    assert_eq!(mailed.world.ses.strikes(), 1);
    mailed.world.ses.clear();
    mailed.deliver_until_done(&mut notify).await;
    assert_eq!((mailed.mails().await, mailed.outcomes().await), (1, 1));
}

#[tokio::test]
async fn an_outcome_is_recorded_once_postgres_is_back() {
    let mailed = Mailed::new().await;
    let world = &mailed.world;
    let mut notify = world.start("notify-customer").await;
    world.ses.fail(Fault::Slow(FOREVER));
    notify.give(mailed.event.clone()).await;
    world.ses.struck(1).await;
    world.postgres.hold(Holds::Everything);
    world.ses.clear();
    // The first record, and the first new connection after it.
    world.postgres.struck().await;
    world.postgres.release();
    assert_eq!(notify.answer().await, json!({ "batchItemFailures": [] }));
    assert_eq!((mailed.mails().await, mailed.outcomes().await), (1, 1));
    assert!(mailed.deliver(&mut notify).await);
    assert_eq!(mailed.mails().await, 1);
}
