//! Offers the orders of a batch to the warehouse before they are confirmed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::FulfillmentJob;
use super::confirm_orders::{ConfirmOrders, Outcome, Task};
use super::warehouse::{DeadLetters, Offer, Warehouse};
use crate::Error;
use crate::domain::{OrderId, Status};

/// The most concurrent offers: all of a batch, as the template sizes it.
const AT_ONCE: usize = 10;

/// The time for the offers of a batch. The slowest offer takes 17 s, and fulfill-order has 30 s.
pub(crate) const OFFER_TIME: Duration = Duration::from_secs(18);

/// Records refusals of orders.
pub trait RefuseOrders: Sync {
    /// The statuses of those orders of `ids` that exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn statuses(
        &self,
        ids: &[OrderId],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;

    /// Adds the reason to the history of each pending order, unless its last entry has it, and
    /// parks its job. Returns the status of each order; nothing was written for one that is not in
    /// the result.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; nothing is known to be written then.
    fn refuse(
        &self,
        refusals: &[Refusal<'_>],
    ) -> impl Future<Output = Result<HashMap<OrderId, Status>, Error>> + Send;
}

/// A job whose order was refused.
#[derive(Clone, Debug)]
pub struct Refusal<'a> {
    /// The job.
    pub job: &'a FulfillmentJob,
    /// The reason: at most 500 characters, no personal data.
    pub reason: String,
}

/// Offers each pending order of `tasks` to the warehouse once, confirms those that it accepts, and
/// records those that it refuses. An order that does not exist has no outcome.
///
/// A first round trip reads the statuses, so that an order that was canceled in the queue is not
/// packed.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`]. The warehouse may have accepted orders then; they
/// will be offered again with the same keys.
pub(super) async fn hand_over(
    orders: &(impl ConfirmOrders + RefuseOrders),
    warehouse: &(impl Warehouse + DeadLetters),
    tasks: &[Task],
) -> Result<HashMap<OrderId, Outcome>, Error> {
    let mut seen = HashSet::with_capacity(tasks.len());
    let tasks: Vec<&Task> = tasks.iter().filter(|task| seen.insert(task.job.order_id)).collect();
    let ids: Vec<OrderId> = tasks.iter().map(|task| task.job.order_id).collect();
    let statuses = orders.statuses(&ids).await?;
    let mut outcomes: HashMap<_, _> =
        statuses.into_iter().map(|(id, status)| (id, Outcome::Was(status))).collect();
    let pending = tasks.into_iter().filter(|task| {
        matches!(outcomes.get(&task.job.order_id), Some(Outcome::Was(Status::Pending)))
    });
    let mut accepted: Vec<FulfillmentJob> = Vec::new();
    let mut refused = Vec::new();
    for (task, offer) in offer(warehouse, pending.collect()).await {
        match offer {
            Offer::Accepted => {
                // Only the statement that confirms it knows its outcome.
                outcomes.remove(&task.job.order_id);
                accepted.push(task.job.clone());
            }
            Offer::Refused(reason) => refused.push((task, reason)),
            Offer::Unanswered(error) => {
                let error = crate::error::chain(&*error);
                outcomes.insert(task.job.order_id, Outcome::Unanswered { error });
            }
        }
    }
    if !accepted.is_empty() {
        let before = orders.confirm(&accepted).await?;
        outcomes.extend(before.into_iter().map(|(id, status)| (id, Outcome::Accepted(status))));
    }
    if !refused.is_empty() {
        outcomes.extend(lay_aside(orders, warehouse, refused).await);
    }
    Ok(outcomes)
}

/// Offers the orders concurrently, for at most [`OFFER_TIME`].
async fn offer<'a>(warehouse: &impl Warehouse, tasks: Vec<&'a Task>) -> Vec<(&'a Task, Offer)> {
    let deadline = Instant::now() + OFFER_TIME;
    // Collected, as the compiler finds a stream of borrowing closures not to be `Send`.
    let offers: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            async move {
                let offer = timeout_at(deadline, warehouse.offer(&task.job)).await;
                (task, offer.unwrap_or_else(|elapsed| Offer::Unanswered(elapsed.into())))
            }
            .instrument(task.job.span())
        })
        .collect();
    stream::iter(offers).buffer_unordered(AT_ONCE).collect().await
}

/// Writes the history first: a second entry is not written on a retry, but a second letter would
/// be.
async fn lay_aside(
    orders: &impl RefuseOrders,
    letters: &impl DeadLetters,
    refused: Vec<(&Task, String)>,
) -> Vec<(OrderId, Outcome)> {
    let refusals: Vec<Refusal<'_>> = refused
        .iter()
        .map(|(task, reason)| Refusal { job: &task.job, reason: reason.clone() })
        .collect();
    let statuses = orders.refuse(&refusals).await.map_err(|error| error.chain());
    let letters = refused.into_iter().map(async |(task, reason)| {
        let id = task.job.order_id;
        let sent = match &statuses {
            Err(error) => Err(error.clone()),
            Ok(statuses) => match statuses.get(&id) {
                Some(Status::Pending) => letters
                    .lay_aside(&task.delivery.body, &reason)
                    .await
                    .map_err(|error| error.chain()),
                // The order was canceled, or another copy of the job was accepted.
                Some(&status) => return (id, Outcome::Was(status)),
                None => Err("the order kept changing".to_owned()),
            },
        };
        let outcome = match sent {
            Ok(()) => Outcome::LaidAside { reason },
            Err(error) => Outcome::Refused { reason, error },
        };
        (id, outcome)
    });
    futures_util::future::join_all(letters).await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::Barrier;
    use uuid::Uuid;

    use super::*;
    use crate::app::confirm_orders::tests::delivery;
    use crate::app::{Delivery, confirm_orders};

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

        async fn confirm(&self, deliveries: &[Delivery]) -> (Vec<String>, Vec<String>) {
            let failed = confirm_orders(self, self, deliveries.to_vec()).await.unwrap();
            (failed, std::mem::take(&mut *self.notes.lock().unwrap()))
        }
    }

    impl ConfirmOrders for World {
        async fn confirm(
            &self,
            jobs: &[FulfillmentJob],
        ) -> Result<HashMap<OrderId, Status>, Error> {
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

        async fn refuse(
            &self,
            refusals: &[Refusal<'_>],
        ) -> Result<HashMap<OrderId, Status>, Error> {
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
                return Err(Error::Unavailable { dependency: "SQS", source: "gone".into() });
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
        let (failed, notes) = world.confirm(&batch).await;
        assert_eq!(failed, ["silence", "orphan"]);
        assert_eq!(notes, ["look at [1, 2, 3, 4, 9]", "offer [1]", "offer [4]", "confirm [1]"]);
    }

    #[tokio::test]
    async fn an_order_that_two_messages_of_a_batch_name_is_offered_once() {
        let world = World::with(&[(1, Status::Pending)]);
        let (failed, notes) = world.confirm(&[delivery("a", 1), delivery("b", 1)]).await;
        assert!(failed.is_empty());
        assert_eq!(notes, ["look at [1]", "offer [1]", "confirm [1]"]);
    }

    #[tokio::test]
    async fn a_refused_order_is_written_to_before_its_job_is_laid_aside() {
        let mut world = World::with(&[(1, Status::Pending), (2, Status::Pending)]);
        world.refuses = vec![id(2)];
        let (failed, notes) = world.confirm(&[delivery("a", 1), delivery("b", 2)]).await;
        assert!(failed.is_empty(), "a refused job is done with");
        assert_eq!(notes[3..], ["confirm [1]", "write to [2]", "lay aside [2]"]);
    }

    #[tokio::test]
    async fn a_refusal_that_can_t_be_laid_aside_fails_alone_and_comes_again() {
        let mut world = World::with(&[(1, Status::Pending), (2, Status::Pending)]);
        world.refuses = vec![id(2)];
        world.letters_fail.store(true, Ordering::Relaxed);
        let batch = [delivery("a", 1), delivery("b", 2)];
        assert_eq!(world.confirm(&batch).await.0, ["b"]);
        world.letters_fail.store(false, Ordering::Relaxed);
        assert_eq!(world.confirm(&batch[1..]).await.0, Vec::<String>::new());
    }

    #[tokio::test]
    async fn an_order_that_went_on_while_it_was_refused_is_no_dead_letter() {
        let mut world = World::with(&[(1, Status::Pending)]);
        world.refuses = vec![id(1)];
        world.meanwhile = HashMap::from([(id(1), Status::Cancelled)]);
        let (failed, notes) = world.confirm(&[delivery("a", 1)]).await;
        assert!(failed.is_empty());
        assert_eq!(notes, ["look at [1]", "offer [1]", "write to [1]"]);
    }

    #[tokio::test]
    async fn an_order_that_was_cancelled_while_it_was_accepted_is_done_with() {
        let mut world = World::with(&[(1, Status::Pending)]);
        world.meanwhile = HashMap::from([(id(1), Status::Cancelled)]);
        let (failed, notes) = world.confirm(&[delivery("a", 1)]).await;
        assert!(failed.is_empty());
        assert_eq!(notes, ["look at [1]", "offer [1]", "confirm [1]"]);
    }

    #[tokio::test]
    async fn nothing_is_confirmed_that_nobody_accepted() {
        let mut world = World::with(&[(1, Status::Pending)]);
        world.is_silent_about = vec![id(1)];
        let (failed, notes) = world.confirm(&[delivery("a", 1)]).await;
        assert_eq!((failed, notes.len()), (vec!["a".to_owned()], 2));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_are_offered_at_once_and_what_takes_too_long_fails() {
        let pending: Vec<_> = (1..=11).map(|n| (n, Status::Pending)).collect();
        let mut world = World::with(&pending);
        world.together = Some(Barrier::new(10));
        let batch: Vec<_> = (1..=11).map(|n| delivery(&n.to_string(), n)).collect();
        // The eleventh waits for nine others that never come.
        let (failed, notes) = world.confirm(&batch).await;
        assert_eq!(failed.len(), 1);
        assert_eq!(notes.iter().filter(|note| note.starts_with("offer")).count(), 10);
    }
}
