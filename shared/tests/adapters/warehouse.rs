//! Orders that a warehouse must accept before they are confirmed.

use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_sqs::types::Message;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use waybill::app::ports::{
    Jobs, KeepOutbox, Offer, PlaceOrders, Placement, ReadOrders, Refusal, RefuseOrders, Settled,
    Visible, Warehouse,
};
use waybill::app::{self, Backoff, Context, Delivery, FulfillmentJob};
use waybill::config::WarehouseConfig;
use waybill::domain::{Order, OrderId, Status};
use waybill::events::EventBus;
use waybill::postgres::Database;
use waybill::queue::FulfillmentQueue;
use waybill::warehouse::Counter;

use crate::counterpart::{Answer, Counterpart, Request, SECRET};
use crate::proxy::{Proxy, authority};
use crate::support::{STATEMENTS, TestDatabase, aws, config, context, order, queue};

/// The timeout of an answer.
const PATIENCE: Duration = Duration::from_secs(5);

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The service, with a warehouse.
struct World {
    test: TestDatabase,
    database: Arc<Database>,
    aws: SdkConfig,
    queue: FulfillmentQueue,
    counter: Counter,
    letters: String,
    jobs: Vec<FulfillmentJob>,
}

impl World {
    /// With this many pending orders, and the warehouse at `url`.
    async fn with(orders: usize, url: &str) -> Self {
        let test = TestDatabase::new().await;
        let database = test.connect().await;
        let aws = aws().await;
        let queue = FulfillmentQueue::connect(&aws, queue(&aws).await).await;
        let letters = crate::support::queue(&aws).await;
        let counter = counter(url, &queue, &letters, PATIENCE);
        let mug = test.product("EUR", 1450, 100).await;
        let mut jobs = Vec::new();
        for number in 0..orders {
            let context = Context { traceparent: Some(TRACE.to_owned()), ..context() };
            // The quantity tells the orders apart.
            let wanted = order(&[(mug, i64::try_from(number + 1).unwrap())]);
            let placed =
                database.place(OrderId::generate(), &wanted, None, &context).await.unwrap();
            let Placement::Placed(order) = placed else { panic!("{placed:?}") };
            jobs.push(FulfillmentJob::new(&order, &context));
        }
        Self { test, database, aws, queue, counter, letters, jobs }
    }

    /// Delivers the jobs of these orders in one batch; returns the numbers of those that failed.
    async fn deliver(&self, numbers: &[usize]) -> Vec<String> {
        let delivery = |&number: &usize| Delivery {
            message_id: number.to_string(),
            body: self.jobs[number].to_body().unwrap(),
        };
        let batch = numbers.iter().map(delivery).collect();
        app::confirm_orders(&*self.database, &self.counter, batch).await.unwrap()
    }

    async fn order(&self, number: usize) -> Order {
        let id = self.jobs[number].order_id;
        self.database.order(Visible::to(&context().caller), id).await.unwrap().unwrap()
    }

    /// The statuses in the history of an order.
    async fn way(&self, number: usize) -> Vec<Status> {
        self.order(number).await.history.iter().map(|entry| entry.to).collect()
    }

    async fn cancel(&self, number: usize) {
        let id = self.jobs[number].order_id;
        app::cancel_order(&*self.database, id, None, &context()).await.unwrap();
    }

    /// All dead letters.
    async fn take_letters(&self) -> Vec<Message> {
        let client = aws_sdk_sqs::Client::new(&self.aws);
        let call = client.receive_message().queue_url(&self.letters).max_number_of_messages(10);
        let received = call.message_attribute_names("All").send().await.unwrap();
        received.messages.unwrap_or_default()
    }

    /// Whether the job is parked, so that no relay sends it.
    async fn is_parked(&self, number: usize) -> bool {
        let sql = "SELECT available_at = 'infinity' FROM outbox WHERE id = $1";
        let id = self.jobs[number].order_id.as_uuid();
        self.test.sql.query_one(sql, &[&id]).await.unwrap().get(0)
    }
}

/// The adapter. Only tests with a silent warehouse use short timeouts, since a busy machine is
/// slow.
fn counter(url: &str, queue: &FulfillmentQueue, letters: &str, patience: Duration) -> Counter {
    let config = WarehouseConfig {
        url: url.to_owned(),
        secret: SECRET.to_owned(),
        dead_letter_queue_url: letters.to_owned(),
        connect_timeout: patience,
        read_timeout: patience,
    };
    Counter::new(Some(config), queue).unwrap()
}

const CONFIRMED: [Status; 2] = [Status::Pending, Status::Confirmed];

#[tokio::test]
async fn an_order_is_offered_signed_under_its_own_key_and_confirmed_once_it_is_accepted() {
    let warehouse = Counterpart::that(|_, _| Answer::Full(202, "content-type: a/b", "ok")).await;
    let world = World::with(1, &warehouse.url).await;
    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    assert_eq!(world.way(0).await, CONFIRMED);

    let [request] = &warehouse.requests()[..] else { panic!("not one request") };
    let job = &world.jobs[0];
    assert_eq!(request.line, "POST /orders?site=1 HTTP/1.1");
    assert_eq!(FulfillmentJob::parse(&request.body).as_ref(), Ok(job));
    for (name, value) in [
        ("idempotency-key", job.order_id.to_string().as_str()),
        ("x-correlation-id", job.correlation_id.as_str()),
        ("traceparent", TRACE),
        ("content-type", "application/json"),
    ] {
        assert_eq!(request.headers[name], value);
    }
    // The next delivery finds the order confirmed, and offers nothing.
    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    assert_eq!((warehouse.requests().len(), world.way(0).await), (1, CONFIRMED.to_vec()));
}

#[tokio::test]
async fn what_was_accepted_and_not_confirmed_is_offered_again_under_the_same_key() {
    let warehouse = Counterpart::that(|_, _| Answer::Status(200)).await;
    let world = World::with(1, &warehouse.url).await;
    // The process dies in between.
    assert!(matches!(world.counter.offer(&world.jobs[0]).await, Offer::Accepted));
    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    let requests = warehouse.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].key(), requests[1].key());
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(world.way(0).await, CONFIRMED);
}

#[tokio::test]
async fn a_warehouse_that_stumbles_twice_is_asked_three_times() {
    // Statuses that are not about the order, including some 4xx.
    let statuses = [500, 503, 408, 409, 429];
    let answers = move |request: &Request, before| {
        let stumble = statuses[usize::try_from(request.pieces() - 1).unwrap()];
        Answer::Status(if before < 2 { stumble } else { 200 })
    };
    let warehouse = Counterpart::that(answers).await;
    let world = World::with(5, &warehouse.url).await;
    assert_eq!(world.deliver(&[0, 1, 2, 3, 4]).await, Vec::<String>::new());
    assert_eq!(warehouse.requests().len(), 15);
    for (number, status) in statuses.into_iter().enumerate() {
        assert_eq!(world.way(number).await, CONFIRMED, "{status}");
    }
}

#[tokio::test]
async fn orders_without_an_answer_fail_and_their_batch_mates_are_confirmed() {
    let answers = |request: &Request, _| match request.pieces() {
        2 => Answer::Status(500),
        3 => Answer::Silence,
        4 => Answer::Status(429),
        _ => Answer::Status(200),
    };
    let warehouse = Counterpart::that(answers).await;
    let mut world = World::with(5, &warehouse.url).await;
    let little = Duration::from_secs(1);
    world.counter = counter(&warehouse.url, &world.queue, &world.letters, little);
    assert_eq!(world.deliver(&[0, 1, 2, 3, 4]).await, ["1", "2", "3"]);
    let requests = warehouse.requests();
    for number in 1..=3 {
        let of_it = |request: &&Request| request.pieces() == number + 1;
        assert_eq!(requests.iter().filter(of_it).count(), 3, "tries for {number}");
    }
    for (number, way) in [(0, 2), (1, 1), (2, 1), (3, 1), (4, 2)] {
        assert_eq!(world.way(number).await, CONFIRMED[..way], "{number}");
    }
    assert!(world.take_letters().await.is_empty());
    assert!(!world.is_parked(1).await);
}

#[tokio::test]
async fn a_warehouse_that_is_not_there_confirms_nothing() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders", reserved.local_addr().unwrap());
    drop(reserved);
    let world = World::with(2, &url).await;
    let started = Instant::now();
    assert_eq!(world.deliver(&[0, 1]).await, ["0", "1"]);
    // The delays between the tries: 200 to 400 ms and 400 to 800 ms, for both orders at once.
    let took = started.elapsed();
    assert!((Duration::from_millis(600)..Duration::from_secs(3)).contains(&took), "{took:?}");
    assert_eq!(world.way(0).await, [Status::Pending]);
    assert!(matches!(world.counter.offer(&world.jobs[1]).await, Offer::Unanswered(_)));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_not_repeated() {
    let elsewhere = Counterpart::that(|_, _| Answer::Status(200)).await;
    let location: &'static str = format!("location: {}", elsewhere.url).leak();
    let warehouse = Counterpart::that(move |_, _| Answer::Full(307, location, "")).await;
    let world = World::with(1, &warehouse.url).await;
    assert_eq!(world.deliver(&[0]).await, ["0"]);
    assert_eq!((warehouse.requests().len(), elsewhere.requests().len()), (1, 0));
    assert_eq!(world.way(0).await, [Status::Pending]);
}

#[tokio::test]
async fn a_refused_order_stays_pending_with_the_reason_and_its_job_is_a_dead_letter() {
    let body = r#"{"title":"Too heavy","detail":"Ada Lovelace orders too much","status":422}"#;
    let answers = move |request: &Request, _| match request.pieces() {
        2 => Answer::Full(422, "content-type: application/problem+json; charset=utf-8", body),
        _ => Answer::Status(200),
    };
    let warehouse = Counterpart::that(answers).await;
    let world = World::with(3, &warehouse.url).await;
    // The message succeeded, so it is not delivered again.
    assert_eq!(world.deliver(&[0, 1, 2]).await, Vec::<String>::new());
    assert_eq!(warehouse.requests().len(), 3, "a refusal is final");
    assert_eq!((world.way(0).await, world.way(2).await), (CONFIRMED.to_vec(), CONFIRMED.to_vec()));

    let reason = "the warehouse refused it: 422, Too heavy";
    let refused = world.order(1).await;
    assert_eq!((refused.summary.status, refused.summary.version), (Status::Pending, 2));
    let [placed, refusal] = &refused.history[..] else { panic!("{:?}", refused.history) };
    assert_eq!(placed.reason, None);
    assert_eq!((refusal.from, refusal.to), (Some(Status::Pending), Status::Pending));
    assert_eq!(
        (refusal.actor.as_str(), refusal.reason.as_deref()),
        ("fulfill-order", Some(reason))
    );
    assert_eq!(refusal.correlation_id, world.jobs[1].correlation_id.as_str());
    assert_eq!(refusal.at, refused.summary.updated_at);

    let [letter] = &world.take_letters().await[..] else { panic!("not one dead letter") };
    assert_eq!(FulfillmentJob::parse(letter.body().unwrap()).as_ref(), Ok(&world.jobs[1]));
    let told = &letter.message_attributes().unwrap()["reason"];
    assert_eq!((told.data_type(), told.string_value()), ("String", Some(reason)));

    // The job is parked until a person decides.
    assert!(world.is_parked(1).await);
    let bus = EventBus::new(&world.aws, "default".to_owned());
    let wait = Backoff { min: Duration::from_secs(1), max: Duration::from_secs(1) };
    let until = tokio::time::Instant::now() + Duration::from_mins(1);
    let relayed = app::relay_outbox(&*world.database, &world.queue, &bus, wait, until);
    let relayed = relayed.await.unwrap();
    assert_eq!((relayed.jobs, relayed.events), (0, 5), "three placed, two confirmed");
    assert_eq!(world.test.books().await.discrepancies, []);
}

#[tokio::test]
async fn a_dead_letter_that_comes_back_is_confirmed_or_refused_with_no_second_entry() {
    let answers = |request: &Request, before| match (request.pieces(), before) {
        (1, 2..) => Answer::Status(200),
        (2, 1..) => Answer::Status(410),
        _ => Answer::Full(422, "content-type: application/json", r#"{"title":"not a problem"}"#),
    };
    let warehouse = Counterpart::that(answers).await;
    let world = World::with(2, &warehouse.url).await;
    for _ in 0..2 {
        assert_eq!(world.deliver(&[0, 1]).await, Vec::<String>::new());
    }
    let reasons = async |number| {
        let history = world.order(number).await.history;
        history.into_iter().filter_map(|entry| entry.reason).collect::<Vec<_>>()
    };
    // The same reason adds nothing, another one does.
    assert_eq!(reasons(0).await, ["the warehouse refused it: 422"]);
    assert_eq!(
        reasons(1).await,
        ["the warehouse refused it: 422", "the warehouse refused it: 410"]
    );
    assert_eq!(world.take_letters().await.len(), 4);

    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    assert_eq!(world.way(0).await, [Status::Pending, Status::Pending, Status::Confirmed]);
    let jobs = "SELECT id FROM outbox WHERE kind = 'fulfillment_job'";
    let jobs = world.test.sql.query(jobs, &[]).await.unwrap();
    assert_eq!(jobs.len(), 1, "what is confirmed has no job any more");

    world.cancel(1).await;
    let cancelled = world.order(1).await;
    assert_eq!((cancelled.summary.status, cancelled.history.len()), (Status::Cancelled, 4));
    assert_eq!(world.deliver(&[1]).await, Vec::<String>::new());
    assert_eq!(warehouse.requests().len(), 5, "what is cancelled is not offered");
    assert_eq!(world.test.books().await.discrepancies, []);
}

#[tokio::test]
async fn a_refusal_that_can_t_be_laid_aside_comes_again() {
    let warehouse = Counterpart::that(|_, _| Answer::Status(422)).await;
    let mut world = World::with(1, &warehouse.url).await;
    let gone = world.letters.replace("jobs-", "gone-");
    world.counter = counter(&warehouse.url, &world.queue, &gone, PATIENCE);
    assert_eq!(world.deliver(&[0]).await, ["0"]);
    world.counter = counter(&warehouse.url, &world.queue, &world.letters, PATIENCE);
    assert_eq!(world.deliver(&[0]).await, Vec::<String>::new());
    assert_eq!(world.take_letters().await.len(), 1);
    assert_eq!(world.order(0).await.history.len(), 2);
}

#[tokio::test]
async fn a_cancelled_order_is_not_offered() {
    let warehouse = Counterpart::that(|_, _| Answer::Status(200)).await;
    let world = World::with(2, &warehouse.url).await;
    world.cancel(0).await;
    assert_eq!(world.deliver(&[0, 1]).await, Vec::<String>::new());
    let asked: Vec<_> = warehouse.requests().iter().map(Request::pieces).collect();
    assert_eq!(asked, [2]);
    assert_eq!(world.way(0).await, [Status::Pending, Status::Cancelled]);
}

#[tokio::test]
async fn an_order_that_is_cancelled_while_it_is_offered_stays_cancelled() {
    let (all, asked) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (held, said) = (Arc::clone(&all), Arc::clone(&asked));
    let warehouse = Counterpart::that(move |_, _| {
        // Told from outside the future, which only answers.
        tokio::spawn({
            let said = Arc::clone(&said);
            async move { said.wait().await }
        });
        Answer::Together(200, Arc::clone(&held))
    })
    .await;
    let world = World::with(1, &warehouse.url).await;
    let (failed, ()) = tokio::join!(world.deliver(&[0]), async {
        asked.wait().await;
        world.cancel(0).await;
        all.wait().await;
    });
    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(world.way(0).await, [Status::Pending, Status::Cancelled]);
}

#[tokio::test]
async fn the_orders_of_a_batch_are_offered_at_once() {
    let all = Arc::new(Barrier::new(10));
    let warehouse = Counterpart::that(move |_, _| Answer::Together(200, Arc::clone(&all))).await;
    let world = World::with(10, &warehouse.url).await;
    // No request is answered before the tenth has arrived.
    let numbers: Vec<_> = (0..10).collect();
    assert_eq!(world.deliver(&numbers).await, Vec::<String>::new());
    assert_eq!(warehouse.requests().len(), 10);
    assert_eq!(world.way(9).await, CONFIRMED);
}

#[tokio::test]
async fn copies_of_a_job_that_are_refused_at_once_leave_one_entry() {
    let world = World::with(1, "http://127.0.0.1:9/").await;
    let refusal = Refusal { job: &world.jobs[0], reason: "too heavy".to_owned() };
    let others = join_all((0..8).map(|_| world.test.connect())).await;
    // All of them begin before the first one ends.
    world.test.sql.batch_execute("BEGIN; SELECT FROM orders FOR UPDATE").await.unwrap();
    let (refused, ()) = tokio::join!(
        join_all(others.iter().map(|database| database.refuse(slice::from_ref(&refusal)))),
        async {
            let waiting = "SELECT count(DISTINCT pid) FROM pg_locks
                           WHERE NOT granted AND pid IN (
                               SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database
                               WHERE d.datname = current_database())";
            let mut seen = 0;
            for _ in 0..500 {
                seen = world.test.sql.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0);
                if seen == 8 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(seen, 8, "sessions that wait");
            world.test.sql.batch_execute("COMMIT").await.unwrap();
        }
    );
    for before in refused {
        assert_eq!(before.unwrap()[&world.jobs[0].order_id], Status::Pending);
    }
    assert_eq!(world.order(0).await.history.len(), 2);
}

#[tokio::test]
async fn a_relay_that_was_at_work_does_not_bring_back_a_job_that_was_parked() {
    let world = World::with(1, "http://127.0.0.1:9/").await;
    world.test.sql.batch_execute("UPDATE outbox SET available_at = now()").await.unwrap();
    let due = Jobs::Unsent { overdue: Duration::ZERO };
    let claimed = world.database.claim_jobs(due, 10).await.unwrap();
    let refusal = Refusal { job: &world.jobs[0], reason: "too heavy".to_owned() };
    world.database.refuse(&[refusal]).await.unwrap();
    let again: Vec<_> = claimed.iter().map(|it| (it.id, Duration::ZERO)).collect();
    assert_eq!(again, [(world.jobs[0].order_id.as_uuid(), Duration::ZERO)]);
    let settled = Settled { again, ..Settled::default() };
    world.database.settle(&settled).await.unwrap();
    assert!(world.is_parked(0).await);
}

#[tokio::test]
async fn a_warehouse_costs_one_round_trip_more_and_a_refusal_another() {
    let answers =
        |request: &Request, _| Answer::Status(if request.pieces() == 3 { 422 } else { 200 });
    let warehouse = Counterpart::that(answers).await;
    let mut world = World::with(3, &warehouse.url).await;
    let proxy = Proxy::to(&authority(&world.test.url)).await;
    let behind_proxy = config(proxy.instead_of(&world.test.url));
    world.database = Database::connect(&behind_proxy, STATEMENTS).await.unwrap();
    for (batch, round_trips) in [(&[0, 1][..], 2), (&[0], 1), (&[2], 2)] {
        proxy.forget();
        assert_eq!(world.deliver(batch).await, Vec::<String>::new());
        assert_eq!(proxy.postgres_round_trips(), round_trips, "{batch:?}");
    }
}
