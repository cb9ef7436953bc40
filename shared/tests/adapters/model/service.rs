//! The service, with a real database and a scripted queue and bus.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;
use uuid::Uuid;
use waybill::Error;
use waybill::app::{self, Backoff, Claim, Delivery, KeepOutbox as _, NoWarehouse};
use waybill::domain::{IdempotencyKey, Order, OrderId, ProductId, Version};
use waybill::postgres::Database;

use super::fakes::{Dying, Receiver};
use super::shop::{PRODUCTS, RETIRED, refused};
use super::step::{Basket, Outcome, Step};
use crate::support::{TestDatabase, context, order};

/// Longer than a case takes, so that nothing becomes due unless a step says so.
const BACKOFF: Backoff = Backoff { min: Duration::from_hours(1), max: Duration::from_hours(1) };

/// One database for all cases, emptied for each: a new one would take longer than the case.
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
    pub(super) test: &'static TestDatabase,
    database: &'static Database,
    /// Including the unknown one.
    products: Vec<ProductId>,
    /// The orders as returned when they were placed.
    placed: Vec<Order>,
    pub(super) queue: Receiver,
    pub(super) bus: Receiver,
}

impl Service {
    pub(super) fn start() -> Self {
        STAGE.runtime.block_on(Self::on(&STAGE))
    }

    async fn on(Stage { runtime, test, database }: &'static Stage) -> Self {
        let clear = "TRUNCATE products, stock_buckets, orders, order_items, order_history, outbox, idempotency_keys, \
             notifications";
        test.sql.batch_execute(clear).await.unwrap();
        let mut products = Vec::new();
        for (currency, price, stock, buckets) in PRODUCTS {
            products.push(test.bucketed_product((currency, price), stock, buckets).await);
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
                    Some(off) => Some(self.version(order, off).await),
                    None => None,
                };
                let id = self.placed[order].summary.id;
                self.changed(app::cancel_order(self.database, id, seen, &context()).await)
            }
            Step::Status { order, to, off } => {
                let seen = self.version(order, off).await;
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
            Err(Error::VersionMismatch { current }) => Outcome::Stale { current: current.get() },
            Err(error) => panic!("{}", error.chain()),
        }
    }

    async fn fulfill(&self, picks: &[usize], acknowledged: bool, strangers: bool) -> Outcome {
        let mut batch = Vec::new();
        for &n in picks {
            let queued = self.queue.taken.lock().unwrap();
            let id = self.placed[n].summary.id;
            let (_, _, body) = queued.iter().find(|message| message.0 == id).unwrap();
            batch.push(Delivery::new(n.to_string(), body));
        }
        if strangers {
            let mut job = serde_json::from_str::<serde_json::Value>(&batch[0].body).unwrap();
            job["order_id"] = OrderId::generate().to_string().into();
            batch.insert(0, Delivery::new("poison", "{"));
            batch.insert(0, Delivery::new("orphan", job.to_string()));
        }
        let failed = app::fulfill_orders(self.database, &NoWarehouse, batch).await.unwrap();
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

    /// The version of an order, and so much off. Below the first there is none; one far ahead is
    /// as stale.
    async fn version(&self, n: usize, off: i64) -> Version {
        let sql = "SELECT version FROM orders WHERE id = $1";
        let id = self.placed[n].summary.id.as_uuid();
        let version: i64 = self.test.sql.query_one(sql, &[&id]).await.unwrap().get(0);
        Version::new(version + off).unwrap_or(Version::new(i64::MAX).unwrap())
    }

    /// The number of an order.
    pub(super) fn number(&self, id: OrderId) -> usize {
        self.placed.iter().position(|order| order.summary.id == id).unwrap()
    }

    pub(super) fn number_of(&self, id: Uuid) -> usize {
        self.number(OrderId::from(id))
    }
}
