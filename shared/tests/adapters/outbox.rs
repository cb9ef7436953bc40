//! What waits in the outbox, and the relay that sends it.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use uuid::Uuid;
use waybill::BoxError;
use waybill::app::ports::{
    Claimed, ConfirmOrders, Event, KeepOutbox, Message, PlaceOrders, Placement, SendBatch,
};
use waybill::app::{self, Backoff, FulfillmentJob, Relayed};
use waybill::domain::{Order, OrderId, ProductId};
use waybill::events::EventBus;
use waybill::postgres::Database;
use waybill::queue::FulfillmentQueue;

use crate::support::{TestDatabase, aws, context, order, queue};

const BACKOFF: Backoff = Backoff { min: Duration::from_mins(1), max: Duration::from_hours(1) };

/// Keeps what it is sent, and refuses what it is told to.
struct Receiver<K> {
    sent: Mutex<Vec<Message<K>>>,
    refuse: Mutex<HashSet<Uuid>>,
}

impl<K> Default for Receiver<K> {
    fn default() -> Self {
        Self { sent: Mutex::default(), refuse: Mutex::default() }
    }
}

impl<K: Clone + Send + Sync> SendBatch<K> for Receiver<K> {
    const LIMIT: usize = 10;

    async fn send_batch(&self, messages: &[Message<K>]) -> Vec<Result<(), BoxError>> {
        assert!(messages.len() <= Self::LIMIT);
        messages
            .iter()
            .map(|message| {
                if self.refuse.lock().unwrap().contains(&message.id) {
                    return Err("refused".into());
                }
                self.sent.lock().unwrap().push(message.clone());
                Ok(())
            })
            .collect()
    }
}

impl<K> Receiver<K> {
    fn ids(&self) -> Vec<Uuid> {
        self.sent.lock().unwrap().iter().map(|message| message.id).collect()
    }
}

async fn place(database: &Database, product: ProductId) -> Order {
    let wanted = order(&[(product, 1)]);
    match database.place(OrderId::generate(), &wanted, None, &context()).await.unwrap() {
        Placement::Placed(order) => order,
        other => panic!("{other:?}"),
    }
}

async fn all_is_due(test: &TestDatabase) {
    test.sql.batch_execute("UPDATE outbox SET available_at = now()").await.unwrap();
}

async fn waiting(test: &TestDatabase) -> i64 {
    test.sql.query_one("SELECT count(*) FROM outbox", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_new_order_s_event_is_due_at_once_and_its_job_only_if_nobody_else_delivers_it() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let order = place(&database, mug).await;
    let (jobs, events) = (Receiver::default(), Receiver::default());
    let relayed = app::relay_outbox(&*database, &jobs, &events, BACKOFF, 9).await.unwrap();
    assert_eq!(relayed, Relayed { jobs: 0, events: 1, failed: 0 });
    let event = events.sent.lock().unwrap()[0].clone();
    assert_eq!(event.kind, Event("OrderPlaced".to_owned()));
    let body: Value = serde_json::from_str(&event.body).unwrap();
    assert_eq!(body["number"], order.summary.number.as_str());
    assert_eq!(body["customer_email"], "ada@example.com");
    assert_eq!(body["items"][0]["unit_price_minor"], 1450);

    // Fulfilment never heard of it.
    all_is_due(&test).await;
    let relayed = app::relay_outbox(&*database, &jobs, &events, BACKOFF, 9).await.unwrap();
    assert_eq!(relayed, Relayed { jobs: 1, events: 0, failed: 0 });
    let job = FulfillmentJob::parse(&jobs.sent.lock().unwrap()[0].body).unwrap();
    assert_eq!(job.order_id, order.summary.id);
    assert_eq!(job.placed_at, order.summary.created_at);

    // It is kept, in case that one is lost as well, until the order is not pending any more.
    assert_eq!(waiting(&test).await, 1);
    database.confirm(&[job]).await.unwrap();
    let relayed = app::relay_outbox(&*database, &jobs, &events, BACKOFF, 9).await.unwrap();
    assert_eq!(relayed, Relayed { jobs: 0, events: 1, failed: 0 });
    assert_eq!(waiting(&test).await, 0);
}

#[tokio::test]
async fn a_job_that_keeps_getting_lost_is_sent_again_with_growing_patience() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    place(&database, mug).await;
    let (jobs, events) = (Receiver::default(), Receiver::default());
    let mut waits = Vec::new();
    for _ in 0..8 {
        all_is_due(&test).await;
        app::relay_outbox(&*database, &jobs, &events, BACKOFF, 1).await.unwrap();
        let sql = "SELECT extract(epoch FROM available_at - now())::int FROM outbox
                   WHERE kind = 'fulfillment_job'";
        let wait: i32 = test.sql.query_one(sql, &[]).await.unwrap().get(0);
        waits.push((f64::from(wait) / 60.0).round());
    }
    assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
    assert_eq!(jobs.ids().len(), 8);
}

#[tokio::test]
async fn what_is_refused_is_kept_for_later_and_keeps_nothing_back() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 100).await;
    for _ in 0..25 {
        place(&database, mug).await;
    }
    let sql = "SELECT id FROM outbox WHERE kind = 'OrderPlaced' ORDER BY id LIMIT 3";
    let bad: Vec<Uuid> =
        test.sql.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let (jobs, events) = (Receiver::default(), Receiver::default());
    events.refuse.lock().unwrap().extend(&bad);
    let relayed = app::relay_outbox(&*database, &jobs, &events, BACKOFF, 9).await.unwrap();
    assert_eq!(relayed, Relayed { jobs: 0, events: 22, failed: 3 });

    // Not due before its time.
    let relayed = app::relay_outbox(&*database, &jobs, &events, BACKOFF, 9).await.unwrap();
    assert_eq!(relayed, Relayed::default());
    events.refuse.lock().unwrap().clear();
    let sql = "UPDATE outbox SET available_at = now() WHERE kind = 'OrderPlaced'";
    test.sql.batch_execute(sql).await.unwrap();
    let relayed = app::relay_outbox(&*database, &jobs, &events, BACKOFF, 9).await.unwrap();
    assert_eq!(relayed, Relayed { jobs: 0, events: 3, failed: 0 });
    assert!(events.sent.lock().unwrap()[22..].iter().all(|message| message.attempts == 2));
}

#[tokio::test]
async fn relays_at_once_send_every_message_and_none_twice() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 1000).await;
    for _ in 0..300 {
        place(&database, mug).await;
    }
    let relays = join_all((0..4).map(|_| test.connect())).await;
    let (jobs, events) = (Receiver::default(), Receiver::default());
    let runs = relays.iter().map(|it| app::relay_outbox(&**it, &jobs, &events, BACKOFF, 99));
    let sent: Vec<_> = join_all(runs).await.into_iter().map(|it| it.unwrap().events).collect();
    eprintln!("4 relays sent {sent:?} of 300 events");
    let ids = events.ids();
    assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (300, 300));
}

#[tokio::test]
async fn what_a_relay_took_with_it_when_it_died_is_due_again_after_the_lease() {
    let test = TestDatabase::new().await;
    let mut config = test.config();
    config.timing.outbox_lease = Duration::from_secs(1);
    let database = Database::connect(&config, crate::support::STATEMENTS).await.unwrap();
    let mug = test.product("EUR", 1450, 10).await;
    place(&database, mug).await;
    let taken = database.claim(10).await.unwrap();
    let [taken] = &taken.events[..] else { panic!("{taken:?}") };
    assert_eq!(database.claim(10).await.unwrap(), Claimed::default());
    for _ in 0..100 {
        let again = database.claim(10).await.unwrap();
        if let [message] = &again.events[..] {
            assert_eq!((message.id, message.attempts), (taken.id, 2));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not due again within five seconds");
}

#[tokio::test]
async fn jobs_and_events_leave_through_the_emulator() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 100).await;
    for _ in 0..12 {
        place(&database, mug).await;
    }
    all_is_due(&test).await;
    let aws = aws().await;
    let url = queue(&aws).await;
    let jobs = FulfillmentQueue::connect(&aws, url.clone()).await;
    let default = EventBus::new(&aws, "default".to_owned());
    let relayed = app::relay_outbox(&*database, &jobs, &default, BACKOFF, 9).await.unwrap();
    assert_eq!(relayed, Relayed { jobs: 12, events: 12, failed: 0 });
    let client = aws_sdk_sqs::Client::new(&aws);
    let mut received = HashSet::new();
    for _ in 0..20 {
        let call = client.receive_message().queue_url(&url).max_number_of_messages(10);
        for message in call.wait_time_seconds(1).send().await.unwrap().messages() {
            received.insert(FulfillmentJob::parse(message.body().unwrap()).unwrap().order_id);
        }
        if received.len() == 12 {
            return;
        }
    }
    panic!("{} of 12 jobs arrived", received.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_what_fulfilment_is_done_with_never_deadlocks() {
    let test = TestDatabase::new().await;
    let (database, relay) = (test.connect().await, test.connect().await);
    let mug = test.product("EUR", 1450, 10_000).await;
    for _ in 0..15 {
        let mut jobs = Vec::new();
        for _ in 0..100 {
            jobs.push(FulfillmentJob::new(&place(&database, mug).await, &context()));
        }
        let again: Vec<_> =
            jobs.iter().rev().map(|job| (job.order_id.as_uuid(), BACKOFF.min)).collect();
        let (confirmed, settled) = tokio::join!(database.confirm(&jobs), relay.settle(&[], &again));
        assert_eq!(confirmed.unwrap().len(), 100);
        settled.unwrap();
    }
    eprintln!("15 batches of 100 were confirmed while a relay settled the same rows");
}
