//! Batches of events, without Postgres and SES.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::BoxError;
use crate::app::notification::{Mail, MailOrder};
use crate::domain::{Currency, CustomerEmail, Money, OrderId, Status};

const TO: &str = "proven@example.com";

/// Says yes to the first claim of every order but the third, and keeps the outcomes.
#[derive(Default)]
struct Ledger {
    outcomes: Mutex<HashMap<Notification, Settlement>>,
    /// How often `settle` fails first.
    failures: AtomicUsize,
}

impl KeepNotifications for Ledger {
    async fn claim(
        &self,
        _: Uuid,
        wanted: &[Notification],
    ) -> Result<HashMap<Notification, Claimed>, Error> {
        let outcomes = self.outcomes.lock().unwrap();
        let there = wanted.iter().filter(|it| it.order_id != id(3));
        Ok(there
            .map(|it| match outcomes.get(it) {
                Some(_) => (*it, Claimed::Settled),
                None if it.order_id == id(4) => (*it, Claimed::Busy),
                None => (*it, Claimed::Yours(Box::new(order(it.order_id)))),
            })
            .collect())
    }

    async fn settle(&self, it: Notification, settlement: &Settlement) -> Result<(), Error> {
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::unavailable("Postgres", "gone"));
        }
        self.outcomes.lock().unwrap().insert(it, settlement.clone());
        Ok(())
    }
}

/// Writes the number of the order.
struct Numbers;

impl WriteMail for Numbers {
    async fn write(&self, status: Status, order: &MailOrder) -> Result<Mail, BoxError> {
        let subject = format!("{} {}", order.number.as_str(), status.event());
        Mail::new(subject, String::new(), String::new())
    }
}

/// Keeps what it sends. Answers the next mail with the error, if there is one.
#[derive(Default)]
struct Mailer {
    sent: Mutex<Vec<(String, String)>>,
    next: Mutex<Option<MailError>>,
}

impl SendMail for Mailer {
    async fn send(&self, to: &CustomerEmail, mail: &Mail) -> Result<String, MailError> {
        if let Some(error) = self.next.lock().unwrap().take() {
            return Err(error);
        }
        let mut sent = self.sent.lock().unwrap();
        sent.push((to.as_str().to_owned(), mail.subject().to_owned()));
        Ok(format!("mail-{}", sent.len()))
    }
}

fn id(number: u128) -> OrderId {
    OrderId::from(Uuid::from_u128(number))
}

/// Order 5 has no proven address.
fn order(id: OrderId) -> MailOrder {
    let address = |text: &str| CustomerEmail::parse(text).ok();
    MailOrder {
        number: id.number(),
        customer_name: "Ada Lovelace".to_owned(),
        customer_email: address("order@example.com"),
        proven_email: address(TO).filter(|_| id != self::id(5)),
        lines: Vec::new(),
        total: Money::new(1450, Currency::parse("EUR").unwrap()).unwrap(),
    }
}

fn delivery(message_id: &str, order: u128, status: Status) -> Delivery {
    let body = json!({
        "detail-type": status.event(),
        "detail": { "v": 1, "order_id": Uuid::from_u128(order), "correlation_id": "abc" },
    });
    Delivery::new(message_id, body.to_string())
}

struct World {
    ledger: Ledger,
    mailer: Mailer,
    recipient: Recipient,
}

impl World {
    fn new() -> Self {
        let (ledger, mailer) = (Ledger::default(), Mailer::default());
        Self { ledger, mailer, recipient: Recipient::Proven }
    }

    async fn deliver(&self, deliveries: Vec<Delivery>) -> Vec<String> {
        let Self { ledger, mailer, recipient } = self;
        let mut failed =
            notify_customers(ledger, &Numbers, mailer, *recipient, deliveries).await.unwrap();
        failed.sort();
        failed
    }

    fn outcome(&self, order: u128) -> Option<Settlement> {
        let notification = Notification { order_id: id(order), status: Status::Pending };
        self.ledger.outcomes.lock().unwrap().get(&notification).cloned()
    }

    fn sent(&self) -> Vec<(String, String)> {
        self.mailer.sent.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn each_event_gets_one_mail_however_often_it_comes_and_in_the_order_of_the_order_s_life() {
    let world = World::new();
    let batch = || {
        [Status::Shipped, Status::Pending, Status::Confirmed, Status::Pending]
            .map(|status| delivery("m", 1, status))
            .to_vec()
    };
    assert_eq!(world.deliver(batch()).await, Vec::<String>::new());
    assert_eq!(world.deliver(batch()).await, Vec::<String>::new());
    let number = id(1).number();
    let expected = ["OrderPlaced", "OrderConfirmed", "OrderShipped"]
        .map(|event| (TO.to_owned(), format!("{} {event}", number.as_str())));
    assert_eq!(world.sent(), expected);
}

#[tokio::test]
async fn what_is_no_event_has_no_order_or_is_busy_fails_alone_with_its_copies() {
    let world = World::new();
    let poison = Delivery::new("poison", "{");
    let placed = |message_id: &str, order| delivery(message_id, order, Status::Pending);
    let batch = vec![
        placed("good", 1),
        poison,
        placed("missing", 3),
        placed("busy", 4),
        placed("busy, again", 4),
    ];
    assert_eq!(world.deliver(batch).await, ["busy", "busy, again", "missing", "poison"]);
    assert_eq!(world.sent().len(), 1);
}

#[tokio::test]
async fn a_refused_mail_is_recorded_and_not_sent_again() {
    let world = World::new();
    *world.mailer.next.lock().unwrap() = Some(MailError::Refused("MessageRejected".to_owned()));
    let batch = || vec![delivery("m", 1, Status::Pending)];
    assert_eq!(world.deliver(batch()).await, Vec::<String>::new());
    assert_eq!(world.outcome(1), Some(Settlement::Refused("MessageRejected".to_owned())));
    assert_eq!(world.deliver(batch()).await, Vec::<String>::new());
    assert_eq!(world.sent(), []);
}

#[tokio::test]
async fn a_mail_that_failed_is_sent_when_its_event_comes_again() {
    let world = World::new();
    *world.mailer.next.lock().unwrap() = Some(MailError::Failed("throttled".into()));
    let batch = || vec![delivery("m1", 1, Status::Pending), delivery("m2", 2, Status::Pending)];
    assert_eq!(world.deliver(batch()).await, ["m1"]);
    assert_eq!(world.outcome(1), None);
    assert_eq!(world.deliver(batch()).await, Vec::<String>::new());
    assert_eq!(world.sent().len(), 2);
}

#[tokio::test]
async fn mail_goes_to_the_address_in_the_order_only_where_that_is_allowed() {
    let mut world = World::new();
    assert_eq!(world.deliver(vec![delivery("m", 5, Status::Pending)]).await, Vec::<String>::new());
    assert_eq!(world.sent(), []);
    assert_eq!(world.outcome(5), Some(Settlement::NoAddress));

    world.recipient = Recipient::Ordered;
    assert_eq!(world.deliver(vec![delivery("m", 1, Status::Pending)]).await, Vec::<String>::new());
    assert_eq!(world.sent()[0].0, "order@example.com");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_could_not_be_recorded_is_recorded_again() {
    let world = World::new();
    world.ledger.failures.store(5, Ordering::Relaxed);
    let batch = vec![delivery("m", 1, Status::Pending)];
    assert_eq!(world.deliver(batch).await, Vec::<String>::new());
    assert_eq!(world.outcome(1), Some(Settlement::Sent("mail-1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_was_sent_is_not_delivered_again_even_if_nobody_could_record_it() {
    let world = World::new();
    world.ledger.failures.store(usize::MAX, Ordering::Relaxed);
    let (batch, started) = (vec![delivery("m", 1, Status::Pending)], Instant::now());
    assert_eq!(world.deliver(batch).await, Vec::<String>::new());
    assert_eq!((world.sent().len(), world.outcome(1)), (1, None));
    assert!(started.elapsed() <= BATCH);
}

#[tokio::test(start_paused = true)]
async fn no_mail_is_begun_that_could_not_be_finished_and_recorded() {
    let world = World::new();
    for (time, failed) in [(SENDING, 1), (SENDING + SETTLING, 0)] {
        let batch = vec![delivery("m", 1, Status::Pending)];
        let work = world.deliver(batch);
        let answer = deadline::within(Instant::now() + time, work).await;
        assert_eq!(answer.len(), failed);
    }
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn a_batch_has_time_to_claim_send_and_record() {
    assert!(CLAIMING + SENDING + SETTLING <= BATCH);
}
