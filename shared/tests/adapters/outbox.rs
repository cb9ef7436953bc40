//! The outbox, and the relay that sends it.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use testkit::engine::left_out;
use tokio::time::Instant;
use uuid::Uuid;
use waybill::BoxError;
use waybill::app::{
    self, Backoff, ConfirmOrders, Event, FulfillmentJob, Jobs, KeepOutbox, MeasureQueue, Message,
    OutboxJob, PlaceOrders, Placement, Relayed, SendBatch, Settled,
};
use waybill::domain::{Order, OrderId, ProductId};
use waybill::postgres::Database;

use crate::support::{TestDatabase, aws, context, event_bus, fulfillment_queue, order, queue};

const BACKOFF: Backoff = Backoff { min: Duration::from_mins(1), max: Duration::from_hours(1) };

/// Keeps the messages that it gets, and refuses the chosen ones.
struct Receiver<K> {
    sent: Mutex<Vec<Message<K>>>,
    refuse: Mutex<HashSet<Uuid>>,
    /// The length of the queue that it reports.
    waiting: Mutex<u64>,
}

impl<K> Default for Receiver<K> {
    fn default() -> Self {
        Self { sent: Mutex::default(), refuse: Mutex::default(), waiting: Mutex::default() }
    }
}

impl<K: Clone + Send + Sync> SendBatch<K> for Receiver<K> {
    const LIMIT: usize = 10;
    const MAX_BYTES: usize = 1_000_000;

    fn bytes(message: &Message<K>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<K>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        assert!(messages.len() <= Self::LIMIT);
        let result = |message: &Message<K>| {
            if self.refuse.lock().unwrap().contains(&message.id) {
                return Err("refused".into());
            }
            self.sent.lock().unwrap().push(message.clone());
            Ok(())
        };
        Ok(messages.iter().map(result).collect())
    }
}

impl MeasureQueue for Receiver<OutboxJob> {
    async fn waiting(&self) -> Result<u64, BoxError> {
        Ok(*self.waiting.lock().unwrap())
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
    let sql = "UPDATE outbox SET available_at = now(), leased_until = NULL";
    test.sql.batch_execute(sql).await.unwrap();
}

async fn relay(
    outbox: &impl KeepOutbox,
    queue: &(impl SendBatch<OutboxJob> + MeasureQueue),
    bus: &impl SendBatch<Event>,
) -> Relayed {
    let until = Instant::now() + Duration::from_mins(1);
    app::relay_outbox(outbox, queue, bus, BACKOFF, until).await.unwrap()
}

/// All due jobs that no relay has sent.
const UNSENT: Jobs = Jobs::Unsent { overdue: Duration::ZERO };

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
    let relayed = relay(&*database, &jobs, &events).await;
    assert_eq!(relayed, Relayed { jobs: 0, events: 1, failed: 0 });
    let event = events.sent.lock().unwrap()[0].clone();
    assert_eq!(event.kind, Event("OrderPlaced".to_owned()));
    let body: Value = serde_json::from_str(&event.body).unwrap();
    assert_eq!(body["number"], order.summary.number.as_str());
    assert_eq!(body["customer_email"], "ada@example.com");
    assert_eq!(body["items"][0]["unit_price_minor"], 1450);

    // The job is lost.
    all_is_due(&test).await;
    let relayed = relay(&*database, &jobs, &events).await;
    assert_eq!(relayed, Relayed { jobs: 1, events: 0, failed: 0 });
    let job = FulfillmentJob::parse(&jobs.sent.lock().unwrap()[0].body).unwrap();
    assert_eq!(job.order_id, order.summary.id);
    assert_eq!(job.placed_at, order.summary.created_at);

    // It is kept while the order is pending, in case this one is lost too.
    assert_eq!(waiting(&test).await, 1);
    database.confirm(&[job]).await.unwrap();
    let relayed = relay(&*database, &jobs, &events).await;
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
        relay(&*database, &jobs, &events).await;
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
    let relayed = relay(&*database, &jobs, &events).await;
    assert_eq!(relayed, Relayed { jobs: 0, events: 22, failed: 3 });

    // Not due before its time.
    let relayed = relay(&*database, &jobs, &events).await;
    assert_eq!(relayed, Relayed::default());
    events.refuse.lock().unwrap().clear();
    let sql = "UPDATE outbox SET available_at = now() WHERE kind = 'OrderPlaced'";
    test.sql.batch_execute(sql).await.unwrap();
    let relayed = relay(&*database, &jobs, &events).await;
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
    let runs = relays.iter().map(|it| relay(&**it, &jobs, &events));
    let sent: Vec<_> = join_all(runs).await.into_iter().map(|it| it.events).collect();
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
    let taken = database.claim_events(10).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(database.claim_events(10).await.unwrap(), []);
    for _ in 0..100 {
        let again = database.claim_events(10).await.unwrap();
        if !again.is_empty() {
            // It is unknown whether it was sent, so it counts as not tried.
            assert_eq!(again, taken);
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
    let jobs = fulfillment_queue(&aws, url.clone());
    let default = event_bus(&aws, "default".to_owned());
    let relayed = relay(&*database, &jobs, &default).await;
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
async fn settling_never_deadlocks_with_fulfillment() {
    let test = TestDatabase::new().await;
    let (database, relay) = (test.connect().await, test.connect().await);
    let mug = test.product("EUR", 1450, 10_000).await;
    for _ in 0..15 {
        let mut jobs = Vec::new();
        for _ in 0..100 {
            jobs.push(FulfillmentJob::new(&place(&database, mug).await, &context()));
        }
        let again = jobs.iter().rev().map(|job| (job.order_id.as_uuid(), BACKOFF.min));
        let settled = Settled { again: again.collect(), ..Settled::default() };
        let (confirmed, settled) = tokio::join!(database.confirm(&jobs), relay.settle(&settled));
        assert_eq!(confirmed.unwrap().len(), 100);
        settled.unwrap();
    }
    eprintln!("15 batches of 100 were confirmed while a relay settled the same rows");
}

#[tokio::test]
async fn a_job_that_was_sent_is_left_alone_while_the_queue_is_long_and_sent_again_once_it_is_short()
{
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let (jobs, events) = (Receiver::default(), Receiver::default());
    let sent = place(&database, mug).await.summary.id.as_uuid();
    all_is_due(&test).await;
    assert_eq!(relay(&*database, &jobs, &events).await.jobs, 1);
    let unsent = place(&database, mug).await.summary.id.as_uuid();
    all_is_due(&test).await;

    *jobs.waiting.lock().unwrap() = 101;
    assert_eq!(relay(&*database, &jobs, &events).await.jobs, 0);
    let due = async |minutes: i64| {
        let sql = "UPDATE outbox SET available_at = now() - make_interval(mins => $1::bigint::int)";
        test.sql.execute(sql, &[&minutes]).await.unwrap();
    };
    due(14).await;
    assert_eq!(relay(&*database, &jobs, &events).await.jobs, 0);
    // A job that was perhaps never sent does not wait for the queue for ever.
    due(16).await;
    assert_eq!(relay(&*database, &jobs, &events).await.jobs, 1);
    assert_eq!(jobs.ids(), [sent, unsent]);
    due(1).await;
    assert_eq!(relay(&*database, &jobs, &events).await.jobs, 0);

    *jobs.waiting.lock().unwrap() = 100;
    assert_eq!(relay(&*database, &jobs, &events).await.jobs, 2);
}

#[tokio::test]
async fn ten_thousand_events_that_are_due_keep_no_job_waiting_nor_the_other_way_round() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let order = place(&database, mug).await.summary.id.as_uuid();
    all_is_due(&test).await;
    test.sql
        .execute(
            "INSERT INTO outbox (id, order_id, kind, payload, correlation_id, available_at)
             SELECT gen_random_uuid(), $1, k.kind, '{}', 'abc', now() - interval '1 hour'
             FROM generate_series(1, 10000),
                  (VALUES ('OrderPlaced'), ('fulfillment_job')) AS k (kind)",
            &[&order],
        )
        .await
        .unwrap();
    let sql = "UPDATE outbox SET attempts = 1 WHERE kind = 'fulfillment_job' AND id <> $1";
    test.sql.execute(sql, &[&order]).await.unwrap();
    let jobs = database.claim_jobs(UNSENT, 10).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [order]);
    assert_eq!(database.claim_events(10).await.unwrap().len(), 10);
    assert_eq!(database.claim_jobs(Jobs::SentBefore, 10).await.unwrap().len(), 10);
}

#[tokio::test]
async fn what_was_not_tried_is_due_at_once_and_counts_as_no_attempt() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    place(&database, mug).await;
    let taken = database.claim_events(10).await.unwrap();
    let untried = taken.iter().map(|message| message.id).collect();
    database.settle(&Settled { untried, ..Settled::default() }).await.unwrap();
    assert_eq!(database.claim_events(10).await.unwrap(), taken);
}

#[tokio::test]
async fn old_keys_are_forgotten_a_thousand_at_a_time_past_those_that_somebody_has_locked() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let keys =
        "INSERT INTO idempotency_keys (owner, route, key, request_hash, order_id, created_at)
                SELECT 'ada', 'POST /orders', n::text, sha256(''), gen_random_uuid(),
                       now() - interval '24 hours' - n * interval '1 second'
                FROM generate_series(-500, 2000) n";
    test.sql.batch_execute(keys).await.unwrap();
    // The two oldest, and one that is too young.
    test.begin("SELECT FROM idempotency_keys WHERE key IN ('2000', '1999', '-9') FOR UPDATE").await;
    let mut forgotten = Vec::new();
    while forgotten.last() != Some(&0) {
        forgotten.push(database.forget_old_keys().await.unwrap());
    }
    assert_eq!(forgotten, [1000, 999, 0], "from 0 to 1998");
    test.sql.batch_execute("COMMIT").await.unwrap();
    assert_eq!(database.forget_old_keys().await.unwrap(), 2);
}

#[tokio::test]
async fn a_claim_leaves_nothing_behind_in_the_indexes() {
    if left_out("how rows are stored is Postgres's own") {
        return;
    }
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 1000).await;
    for _ in 0..200 {
        place(&database, mug).await;
    }
    // Claimed and unclaimed rows share a page, as in a live shop.
    for _ in 0..20 {
        assert_eq!(database.claim_events(10).await.unwrap().len(), 10);
    }
    let sql = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'outbox'";
    for _ in 0..100 {
        let row = test.sql.query_one(sql, &[]).await.unwrap();
        let (updates, hot): (i64, i64) = (row.get(0), row.get(1));
        if updates == 200 {
            eprintln!("{hot} of {updates} claimed rows stayed on their page");
            return assert_eq!(hot, updates);
        }
        // A session reports its statistics at least a second later.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the statistics did not arrive");
}
