//! The service, with a real database and a scripted queue and bus.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;
use uuid::Uuid;
use waybill::app::ports::{
    Claim, Event, Job, Jobs, KeepOutbox, MeasureQueue, Message, NoWarehouse, SendBatch, SendJobs,
    Settled,
};
use waybill::app::{self, Backoff, Delivery, FulfillmentJob};
use waybill::domain::{IdempotencyKey, Order, OrderId, ProductId, Status};
use waybill::postgres::Database;
use waybill::{BoxError, Error};

use super::shop::{Basket, Outcome, PRODUCTS, RETIRED, Shop, Step, refused};
use crate::support::{TestDatabase, context, order};

/// Longer than a case takes, so that nothing becomes due unless a step says so.
const BACKOFF: Backoff = Backoff { min: Duration::from_hours(1), max: Duration::from_hours(1) };

/// One database for all cases, emptied for each: a new one would take longer than the case.
/// that is done in it.
struct Stage {
    runtime: Runtime,
    test: TestDatabase,
    database: Arc<Database>,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (test, database) = runtime.block_on(async {
        let test = TestDatabase::new().await;
        let database = test.connect().await;
        (test, database)
    });
    Stage { runtime, test, database }
});

pub(super) struct Service {
    pub(super) runtime: &'static Runtime,
    test: &'static TestDatabase,
    database: &'static Database,
    /// Including the unknown one.
    products: Vec<ProductId>,
    /// The orders as returned when they were placed.
    placed: Vec<Order>,
    queue: Receiver,
    bus: Receiver,
}

/// A queue or a bus that keeps what it gets.
#[derive(Default)]
struct Receiver {
    /// Order, kind and body.
    taken: Mutex<Vec<(OrderId, String, String)>>,
    refuses: Mutex<HashSet<OrderId>>,
    is_down: Mutex<bool>,
}

impl Receiver {
    fn take(&self, kind: &str, body: &str) -> Result<(), BoxError> {
        let order = serde_json::from_str::<serde_json::Value>(body)?;
        let order = OrderId::parse(order["order_id"].as_str().unwrap()).unwrap();
        if *self.is_down.lock().unwrap() || self.refuses.lock().unwrap().contains(&order) {
            return Err("refused".into());
        }
        self.taken.lock().unwrap().push((order, kind.to_owned(), body.to_owned()));
        Ok(())
    }
}

impl SendBatch<Job> for Receiver {
    const LIMIT: usize = 10;
    const MAX_BYTES: usize = 1_000_000;

    fn bytes(message: &Message<Job>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<Job>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        assert!((1..=10).contains(&messages.len()));
        Ok(messages.iter().map(|message| self.take("job", &message.body)).collect())
    }
}

impl MeasureQueue for Receiver {
    /// Messages are received as fast as they are sent.
    async fn waiting(&self) -> Result<u64, BoxError> {
        Ok(0)
    }
}

impl SendBatch<Event> for Receiver {
    const LIMIT: usize = 10;
    const MAX_BYTES: usize = 1_000_000;

    fn bytes(message: &Message<Event>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<Event>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        assert!((1..=10).contains(&messages.len()));
        Ok(messages.iter().map(|message| self.take(&message.kind.0, &message.body)).collect())
    }
}

impl SendJobs for Receiver {
    async fn send(&self, job: &FulfillmentJob) -> Result<(), Error> {
        self.take("job", &job.to_body().unwrap())
            .map_err(|source| Error::Unavailable { dependency: "SQS", source })
    }
}

/// The outbox of a relay that dies after sending.
struct Dying<'a>(&'a Database);

impl KeepOutbox for Dying<'_> {
    async fn claim_events(&self, limit: u16) -> Result<Vec<Message<Event>>, Error> {
        self.0.claim_events(limit).await
    }

    async fn claim_jobs(&self, jobs: Jobs, limit: u16) -> Result<Vec<Message<Job>>, Error> {
        self.0.claim_jobs(jobs, limit).await
    }

    async fn settle(&self, _: &Settled) -> Result<(), Error> {
        Err(Error::Unavailable { dependency: "Postgres", source: "killed".into() })
    }

    async fn forget_old_keys(&self) -> Result<u64, Error> {
        self.0.forget_old_keys().await
    }
}

impl Service {
    pub(super) fn start() -> Self {
        STAGE.runtime.block_on(Self::on(&STAGE))
    }

    async fn on(Stage { runtime, test, database }: &'static Stage) -> Self {
        let clear =
            "TRUNCATE products, orders, order_items, order_history, outbox, idempotency_keys";
        test.sql.batch_execute(clear).await.unwrap();
        let mut products = Vec::new();
        for (currency, price, stock) in PRODUCTS {
            products.push(test.product(currency, price, stock).await);
        }
        let retire = "UPDATE products SET active = false WHERE id = $1";
        test.sql.execute(retire, &[&products[RETIRED].as_uuid()]).await.unwrap();
        products.push(ProductId::from(Uuid::now_v7()));
        let (queue, bus) = (Receiver::default(), Receiver::default());
        Self { runtime, test, database, products, placed: Vec::new(), queue, bus }
    }

    pub(super) async fn take(&mut self, step: Step) -> Outcome {
        match step {
            Step::Create { basket, key, queue_is_up } => {
                self.create(&basket, key, queue_is_up).await
            }
            Step::Cancel { order, off } => {
                let seen = match off {
                    Some(off) => Some(self.version(order).await + off),
                    None => None,
                };
                let id = self.placed[order].summary.id;
                self.changed(app::cancel_order(self.database, id, seen, &context()).await)
            }
            Step::Status { order, to, off } => {
                let seen = self.version(order).await + off;
                let id = self.placed[order].summary.id;
                let context = context();
                self.changed(app::update_order_status(self.database, id, to, seen, &context).await)
            }
            Step::Fulfill { picks, acknowledged, strangers } => {
                self.fulfill(&picks, acknowledged, strangers).await
            }
            Step::Relay { late, queue_refuses, bus_refuses, dies } => {
                self.relay(late, queue_refuses, bus_refuses, dies).await
            }
            Step::Day { clean } => {
                let age = "UPDATE idempotency_keys SET created_at = created_at - interval '1 day'";
                self.test.sql.batch_execute(age).await.unwrap();
                if !clean {
                    return Outcome::Nothing;
                }
                Outcome::Forgot(self.database.forget_old_keys().await.unwrap())
            }
        }
    }

    async fn create(&mut self, basket: &Basket, key: Option<u8>, queue_is_up: bool) -> Outcome {
        let lines: Vec<_> = basket.iter().map(|&(n, pieces)| (self.products[n], pieces)).collect();
        let claim = key.map(|key| {
            let mut request_hash = [0; 32];
            for (byte, &(n, pieces)) in request_hash.chunks_exact_mut(2).zip(basket) {
                byte.copy_from_slice(&[u8::try_from(n).unwrap(), u8::try_from(pieces).unwrap()]);
            }
            Claim { key: IdempotencyKey::parse(&format!("key-{key}")).unwrap(), request_hash }
        });
        *self.queue.is_down.lock().unwrap() = !queue_is_up;
        let (database, wanted, context) = (self.database, order(&lines), context());
        let created = app::create_order(database, &self.queue, &wanted, claim.as_ref(), &context);
        let created = created.await;
        *self.queue.is_down.lock().unwrap() = false;
        match created {
            Ok(created) if created.replayed => {
                let n = self.number(created.order.summary.id);
                assert_eq!(created.order, self.placed[n], "not the answer of the first time");
                Outcome::Replayed(n)
            }
            Ok(created) => {
                self.placed.push(created.order);
                Outcome::Placed(self.placed.len() - 1)
            }
            Err(Error::KeyReused) => Outcome::KeyReused,
            Err(Error::UnknownProducts(_)) => Outcome::Unknown,
            Err(Error::MixedCurrencies) => Outcome::MixedCurrencies,
            Err(Error::InsufficientStock(short)) => Outcome::Short(
                short
                    .iter()
                    .map(|it| {
                        let n = self.products.iter().position(|id| *id == it.product_id).unwrap();
                        (n, it.requested, it.available)
                    })
                    .collect(),
            ),
            Err(error) => panic!("{}", error.chain()),
        }
    }

    fn changed(&self, answer: Result<Order, Error>) -> Outcome {
        match answer {
            Ok(order) => Outcome::Changed {
                order: self.number(order.summary.id),
                way: order.history.iter().map(|entry| entry.to).collect(),
            },
            Err(Error::IllegalTransition { from, to }) => Outcome::Illegal { from, to },
            Err(Error::VersionMismatch { current }) => Outcome::Stale { current },
            Err(error) => panic!("{}", error.chain()),
        }
    }

    async fn fulfill(&self, picks: &[usize], acknowledged: bool, strangers: bool) -> Outcome {
        let mut batch = Vec::new();
        for &n in picks {
            let queued = self.queue.taken.lock().unwrap();
            let id = self.placed[n].summary.id;
            let (_, _, body) = queued.iter().find(|message| message.0 == id).unwrap();
            batch.push(Delivery { message_id: n.to_string(), body: body.clone() });
        }
        if strangers {
            let mut job = serde_json::from_str::<serde_json::Value>(&batch[0].body).unwrap();
            job["order_id"] = OrderId::generate().to_string().into();
            let orphan = Delivery { message_id: "orphan".to_owned(), body: job.to_string() };
            batch.insert(0, Delivery { message_id: "poison".to_owned(), body: "{".to_owned() });
            batch.insert(0, orphan);
        }
        let failed = app::confirm_orders(self.database, &NoWarehouse, batch).await.unwrap();
        if acknowledged {
            for n in picks.iter().collect::<HashSet<_>>() {
                let mut queued = self.queue.taken.lock().unwrap();
                let id = self.placed[*n].summary.id;
                let message = queued.iter().position(|message| message.0 == id).unwrap();
                queued.remove(message);
            }
        }
        Outcome::Fulfilled { failed }
    }

    async fn relay(&self, late: bool, queue_refuses: u8, bus_refuses: u8, dies: bool) -> Outcome {
        if late {
            let due = "UPDATE outbox SET available_at = now(), leased_until = NULL";
            self.test.sql.batch_execute(due).await.unwrap();
        }
        for (receiver, mask) in [(&self.queue, queue_refuses), (&self.bus, bus_refuses)] {
            let numbers = (0..self.placed.len()).filter(|&n| refused(mask, n));
            *receiver.refuses.lock().unwrap() =
                numbers.map(|n| self.placed[n].summary.id).collect();
        }
        let (database, queue, bus) = (self.database, &self.queue, &self.bus);
        let until = Instant::now() + Duration::from_mins(1);
        if !dies {
            let relayed = app::relay_outbox(database, queue, bus, BACKOFF, until).await;
            return Outcome::Relayed(relayed.unwrap());
        }
        match app::relay_outbox(&Dying(database), queue, bus, BACKOFF, until).await {
            Ok(relayed) => Outcome::Relayed(relayed),
            Err(_) => Outcome::Died,
        }
    }

    async fn version(&self, n: usize) -> i64 {
        let sql = "SELECT version FROM orders WHERE id = $1";
        let id = self.placed[n].summary.id.as_uuid();
        self.test.sql.query_one(sql, &[&id]).await.unwrap().get(0)
    }

    fn number(&self, id: OrderId) -> usize {
        self.placed.iter().position(|order| order.summary.id == id).unwrap()
    }

    pub(super) async fn check(&self, shop: &Shop) {
        self.check_orders(shop).await;
        self.check_stock(shop).await;
        self.check_outbox(shop).await;
        let keys = self.test.sql.query("SELECT key, order_id FROM idempotency_keys", &[]).await;
        let mut keys: Vec<(String, usize)> =
            keys.unwrap().iter().map(|row| (row.get(0), self.number_of(row.get(1)))).collect();
        keys.sort_unstable();
        let expected: Vec<_> =
            shop.keys.iter().map(|(key, it)| (format!("key-{key}"), it.order)).collect();
        assert_eq!(keys, expected, "idempotency keys");
    }

    async fn check_orders(&self, shop: &Shop) {
        let sql = "
            SELECT o.id, o.status, o.version, o.total_minor,
                   array_agg(h.to_status ORDER BY h.version),
                   array_agg(h.from_status ORDER BY h.version),
                   array_agg(h.version ORDER BY h.version),
                   count(*) FILTER (WHERE h.to_status = 'confirmed')
            FROM orders o LEFT JOIN order_history h ON h.order_id = o.id
            GROUP BY o.id";
        let rows = self.test.sql.query(sql, &[]).await.unwrap();
        assert_eq!(rows.len(), shop.orders.len(), "orders");
        for row in rows {
            let n = self.number_of(row.get(0));
            let life = &shop.orders[n];
            let way: Vec<&str> = life.way.iter().map(|status| status.as_str()).collect();
            let before = way.iter().map(|status| Some(*status)).take(way.len() - 1);
            assert_eq!(row.get::<_, &str>(1), life.status().as_str(), "order {n}");
            assert_eq!(row.get::<_, i64>(2), life.version(), "order {n}");
            assert_eq!(row.get::<_, i64>(3), life.total(), "order {n}");
            assert_eq!(row.get::<_, Vec<&str>>(4), way, "order {n}");
            let before: Vec<_> = std::iter::once(None).chain(before).collect();
            assert_eq!(row.get::<_, Vec<Option<&str>>>(5), before, "order {n}");
            let versions: Vec<i64> = (1..=life.version()).collect();
            assert_eq!(row.get::<_, Vec<i64>>(6), versions, "order {n}");
            assert!(row.get::<_, i64>(7) <= 1, "order {n} was confirmed more than once");
        }
    }

    /// Checked twice: against the model, and against the live orders in the database.
    async fn check_stock(&self, shop: &Shop) {
        let sql = "
            SELECT p.stock, p.stock + coalesce(sum(i.quantity) FILTER (WHERE o.id IS NOT NULL), 0),
                   p.stocked
            FROM products p
            LEFT JOIN order_items i ON i.product_id = p.id
            LEFT JOIN orders o ON o.id = i.order_id AND o.status <> 'cancelled'
            GROUP BY p.id ORDER BY p.id";
        let rows = self.test.sql.query(sql, &[]).await.unwrap();
        let stock: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(stock, shop.stock, "stock");
        for (row, (_, _, initial)) in rows.iter().zip(PRODUCTS) {
            assert!(row.get::<_, i32>(0) >= 0);
            assert_eq!(row.get::<_, i64>(1), i64::from(initial), "stock and live orders");
            assert_eq!(row.get::<_, i64>(2), i64::from(initial), "what was put on sale");
        }
    }

    async fn check_outbox(&self, shop: &Shop) {
        let sql = "SELECT id, order_id, kind FROM outbox";
        let (mut jobs, mut waiting) = (Vec::new(), Vec::new());
        for row in self.test.sql.query(sql, &[]).await.unwrap() {
            let (id, order, kind): (Uuid, Uuid, String) = (row.get(0), row.get(1), row.get(2));
            if kind == "fulfillment_job" {
                assert_eq!(id, order);
                jobs.push(self.number_of(order));
            } else {
                waiting.push((self.number_of(order), kind));
            }
        }
        jobs.sort_unstable();
        waiting.sort_unstable();
        assert_eq!(jobs, shop.with(Status::Pending), "jobs that wait, of pending orders");
        let named = |(n, kind): (usize, &'static str)| (n, kind.to_owned());
        let events = shop.events.iter().filter(|(_, event)| event.waiting);
        let mut expected: Vec<_> = events.map(|(&event, _)| named(event)).collect();
        expected.sort_unstable();
        assert_eq!(waiting, expected, "events that wait");

        let mut published = BTreeMap::<_, usize>::new();
        for (id, kind, _) in &*self.bus.taken.lock().unwrap() {
            *published.entry((self.number(*id), kind.clone())).or_default() += 1;
        }
        let expected: BTreeMap<_, _> = shop
            .events
            .iter()
            .filter(|(_, event)| event.published > 0)
            .map(|(&event, it)| (named(event), it.published))
            .collect();
        assert_eq!(published, expected, "events that were published, and how often");

        let queued = self.queue.taken.lock().unwrap();
        let mut queued: Vec<_> = queued.iter().map(|message| self.number(message.0)).collect();
        queued.sort_unstable();
        assert_eq!(queued, shop.queue, "jobs in the queue");
    }

    fn number_of(&self, id: Uuid) -> usize {
        self.number(OrderId::from(id))
    }
}
