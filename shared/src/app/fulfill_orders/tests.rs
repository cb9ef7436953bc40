//! Batches without a warehouse and with one.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Barrier;
use uuid::Uuid;

use super::*;
use crate::app::offer_orders::Refusal;
use crate::app::warehouse::{NoWarehouse, Offer};
use crate::domain::Status;

/// The message of an order's job.
fn delivery(message_id: &str, order: u128) -> Delivery {
    let body = serde_json::json!({
        "v": 1,
        "order_id": Uuid::from_u128(order),
        "number": "ORD-20260221-6BA0A415",
        "items": [],
        "correlation_id": "abc",
        "placed_at": "2026-02-21T12:00:00Z",
    });
    Delivery::new(message_id, body.to_string())
}

/// Orders that count the calls.
#[derive(Default)]
struct Orders {
    known: HashMap<OrderId, Status>,
    calls: AtomicUsize,
}

impl ConfirmOrders for Orders {
    async fn confirm(&self, _: &[FulfillmentJob]) -> Result<HashMap<OrderId, Status>, Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(self.known.clone())
    }
}

impl RefuseOrders for Orders {
    async fn statuses(&self, _: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
        panic!("nobody asks without a warehouse");
    }

    async fn refuse(&self, _: &[Refusal<'_>]) -> Result<HashMap<OrderId, Status>, Error> {
        panic!("nobody refuses without a warehouse");
    }
}

#[tokio::test]
async fn what_is_no_job_or_has_no_order_fails_alone() {
    let orders = Orders {
        known: HashMap::from([
            (OrderId::from(Uuid::from_u128(1)), Status::Pending),
            (OrderId::from(Uuid::from_u128(2)), Status::Cancelled),
            (OrderId::from(Uuid::from_u128(3)), Status::Shipped),
        ]),
        ..Orders::default()
    };
    let poison = Delivery::new("poison", "{");
    let batch = vec![
        delivery("new", 1),
        poison,
        delivery("cancelled", 2),
        delivery("orphan", 9),
        delivery("again", 3),
    ];
    let failed = fulfill_orders(&orders, &NoWarehouse, batch).await.unwrap();
    assert_eq!(failed, ["poison", "orphan"]);
    assert_eq!(orders.calls.into_inner(), 1);
}

#[tokio::test]
async fn a_batch_of_nothing_but_poison_asks_the_store_nothing() {
    let orders = Orders::default();
    let poison = Delivery::new("poison", "");
    assert_eq!(fulfill_orders(&orders, &NoWarehouse, vec![poison]).await.unwrap(), ["poison"]);
    assert_eq!(orders.calls.into_inner(), 0);
}

/// Orders and a warehouse that behave as a test says, and record the calls.
#[derive(Default)]
struct World {
    statuses: HashMap<OrderId, Status>,
    /// The statuses after the first read.
    meanwhile: HashMap<OrderId, Status>,
    refuses: Vec<OrderId>,
    is_silent_about: Vec<OrderId>,
    letters_fail: AtomicBool,
    /// How many orders must be offered before any is answered.
    together: Option<Barrier>,
    notes: Mutex<Vec<String>>,
}

impl World {
    fn with(orders: &[(u128, Status)]) -> Self {
        let statuses = orders.iter().map(|&(n, status)| (id(n), status)).collect();
        Self { statuses, ..Self::default() }
    }

    fn note(&self, what: &str, ids: impl IntoIterator<Item = OrderId>) {
        let mut numbers: Vec<_> = ids.into_iter().map(|id| id.as_uuid().as_u128()).collect();
        numbers.sort_unstable();
        self.notes.lock().unwrap().push(format!("{what} {numbers:?}"));
    }

    fn now(&self, id: OrderId) -> Option<Status> {
        self.meanwhile.get(&id).or_else(|| self.statuses.get(&id)).copied()
    }

    async fn fulfill(&self, deliveries: &[Delivery]) -> (Vec<String>, Vec<String>) {
        let failed = fulfill_orders(self, self, deliveries.to_vec()).await.unwrap();
        (failed, std::mem::take(&mut *self.notes.lock().unwrap()))
    }
}

impl ConfirmOrders for World {
    async fn confirm(&self, jobs: &[FulfillmentJob]) -> Result<HashMap<OrderId, Status>, Error> {
        self.note("confirm", jobs.iter().map(|job| job.order_id));
        let before = |job: &FulfillmentJob| Some((job.order_id, self.now(job.order_id)?));
        Ok(jobs.iter().filter_map(before).collect())
    }
}

impl RefuseOrders for World {
    async fn statuses(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
        self.note("look at", ids.iter().copied());
        Ok(self.statuses.clone())
    }

    async fn refuse(&self, refusals: &[Refusal<'_>]) -> Result<HashMap<OrderId, Status>, Error> {
        assert!(refusals.iter().all(|refusal| refusal.reason == "too heavy"));
        self.note("write to", refusals.iter().map(|refusal| refusal.job.order_id));
        let now = |it: &Refusal<'_>| Some((it.job.order_id, self.now(it.job.order_id)?));
        Ok(refusals.iter().filter_map(now).collect())
    }
}

impl Warehouse for World {
    fn is_there(&self) -> bool {
        true
    }

    async fn offer(&self, job: &FulfillmentJob) -> Offer {
        if let Some(together) = &self.together {
            together.wait().await;
        }
        self.note("offer", [job.order_id]);
        if self.refuses.contains(&job.order_id) {
            return Offer::Refused("too heavy".to_owned());
        }
        if self.is_silent_about.contains(&job.order_id) {
            return Offer::Unanswered("gone".into());
        }
        Offer::Accepted
    }
}

impl DeadLetters for World {
    async fn lay_aside(&self, body: &str, reason: &str) -> Result<(), Error> {
        assert_eq!(reason, "too heavy");
        self.note("lay aside", [FulfillmentJob::parse(body).unwrap().order_id]);
        if self.letters_fail.load(Ordering::Relaxed) {
            return Err(Error::unavailable("SQS", "gone"));
        }
        Ok(())
    }
}

fn id(n: u128) -> OrderId {
    OrderId::from(Uuid::from_u128(n))
}

#[tokio::test]
async fn only_pending_orders_are_offered_and_only_accepted_ones_confirmed() {
    let mut world = World::with(&[
        (1, Status::Pending),
        (2, Status::Cancelled),
        (3, Status::Confirmed),
        (4, Status::Pending),
    ]);
    world.is_silent_about = vec![id(4)];
    let batch = [
        delivery("new", 1),
        delivery("cancelled", 2),
        delivery("again", 3),
        delivery("silence", 4),
        delivery("orphan", 9),
    ];
    let (failed, notes) = world.fulfill(&batch).await;
    assert_eq!(failed, ["silence", "orphan"]);
    assert_eq!(notes, ["look at [1, 2, 3, 4, 9]", "offer [1]", "offer [4]", "confirm [1]"]);
}

#[tokio::test]
async fn an_order_that_two_messages_of_a_batch_name_is_offered_once() {
    let world = World::with(&[(1, Status::Pending)]);
    let (failed, notes) = world.fulfill(&[delivery("a", 1), delivery("b", 1)]).await;
    assert!(failed.is_empty());
    assert_eq!(notes, ["look at [1]", "offer [1]", "confirm [1]"]);
}

#[tokio::test]
async fn a_refused_order_is_written_to_before_its_job_is_laid_aside() {
    let mut world = World::with(&[(1, Status::Pending), (2, Status::Pending)]);
    world.refuses = vec![id(2)];
    let (failed, notes) = world.fulfill(&[delivery("a", 1), delivery("b", 2)]).await;
    assert!(failed.is_empty(), "a refused job is done with");
    assert_eq!(notes[3..], ["confirm [1]", "write to [2]", "lay aside [2]"]);
}

#[tokio::test]
async fn a_refusal_that_can_t_be_laid_aside_fails_alone_and_comes_again() {
    let mut world = World::with(&[(1, Status::Pending), (2, Status::Pending)]);
    world.refuses = vec![id(2)];
    world.letters_fail.store(true, Ordering::Relaxed);
    let batch = [delivery("a", 1), delivery("b", 2)];
    assert_eq!(world.fulfill(&batch).await.0, ["b"]);
    world.letters_fail.store(false, Ordering::Relaxed);
    assert_eq!(world.fulfill(&batch[1..]).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn an_order_that_went_on_while_it_was_refused_is_no_dead_letter() {
    let mut world = World::with(&[(1, Status::Pending)]);
    world.refuses = vec![id(1)];
    world.meanwhile = HashMap::from([(id(1), Status::Cancelled)]);
    let (failed, notes) = world.fulfill(&[delivery("a", 1)]).await;
    assert!(failed.is_empty());
    assert_eq!(notes, ["look at [1]", "offer [1]", "write to [1]"]);
}

#[tokio::test]
async fn an_order_that_was_cancelled_while_it_was_accepted_is_done_with() {
    let mut world = World::with(&[(1, Status::Pending)]);
    world.meanwhile = HashMap::from([(id(1), Status::Cancelled)]);
    let (failed, notes) = world.fulfill(&[delivery("a", 1)]).await;
    assert!(failed.is_empty());
    assert_eq!(notes, ["look at [1]", "offer [1]", "confirm [1]"]);
}

#[tokio::test]
async fn nothing_is_confirmed_that_nobody_accepted() {
    let mut world = World::with(&[(1, Status::Pending)]);
    world.is_silent_about = vec![id(1)];
    let (failed, notes) = world.fulfill(&[delivery("a", 1)]).await;
    assert_eq!((failed, notes.len()), (vec!["a".to_owned()], 2));
}

#[tokio::test(start_paused = true)]
async fn ten_are_offered_at_once_and_what_takes_too_long_fails() {
    let pending: Vec<_> = (1..=11).map(|n| (n, Status::Pending)).collect();
    let mut world = World::with(&pending);
    world.together = Some(Barrier::new(10));
    let batch: Vec<_> = (1..=11).map(|n| delivery(&n.to_string(), n)).collect();
    // The eleventh waits for nine others that never come.
    let (failed, notes) = world.fulfill(&batch).await;
    assert_eq!(failed.len(), 1);
    assert_eq!(notes.iter().filter(|note| note.starts_with("offer")).count(), 10);
}
