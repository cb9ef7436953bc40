//! The relay, with an outbox in memory and a scripted queue and bus.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use tokio::time::{sleep, timeout_at};
use uuid::Uuid;

use super::*;

const BACKOFF: Backoff = Backoff { min: Duration::from_mins(1), max: Duration::from_hours(1) };

/// Longer than any call that is answered.
const MINUTE: Duration = Duration::from_mins(1);

/// The waiting messages by lane, and their results.
#[derive(Default)]
struct Outbox {
    events: Mutex<Vec<Message<Event>>>,
    unsent: Mutex<Vec<Message<OutboxJob>>>,
    /// Jobs that have been due for longer than a relay waits for a long queue.
    overdue: Mutex<Vec<Message<OutboxJob>>>,
    sent_before: Mutex<Vec<Message<OutboxJob>>>,
    settled: Mutex<Settled>,
    claims: AtomicUsize,
    keys: Mutex<u64>,
}

impl Outbox {
    fn with(events: usize, jobs: usize) -> Self {
        let outbox = Self::default();
        *outbox.events.lock().unwrap() = messages(events, &Event("OrderPlaced".to_owned()), 1);
        *outbox.unsent.lock().unwrap() = messages(jobs, &OutboxJob, 1);
        outbox
    }

    fn claim<K>(&self, lane: &Mutex<Vec<Message<K>>>, limit: u16) -> Vec<Message<K>> {
        self.claims.fetch_add(1, Ordering::Relaxed);
        let mut waiting = lane.lock().unwrap();
        let some = waiting.len().min(usize::from(limit));
        waiting.drain(..some).collect()
    }
}

impl KeepOutbox for Outbox {
    async fn claim_events(&self, limit: u16) -> Result<Vec<Message<Event>>, Error> {
        Ok(self.claim(&self.events, limit))
    }

    async fn claim_jobs(&self, jobs: Jobs, limit: u16) -> Result<Vec<Message<OutboxJob>>, Error> {
        Ok(match jobs {
            Jobs::Unsent { overdue } if overdue.is_zero() => {
                let mut unsent = self.claim(&self.unsent, limit);
                unsent.extend(self.claim(&self.overdue, limit));
                unsent
            }
            Jobs::Unsent { overdue } => {
                assert_eq!(overdue, LONGEST_WAIT);
                self.claim(&self.overdue, limit)
            }
            Jobs::SentBefore => self.claim(&self.sent_before, limit),
        })
    }

    async fn settle(&self, settled: &Settled) -> Result<(), Error> {
        let mut all = self.settled.lock().unwrap();
        all.done.extend(&settled.done);
        all.again.extend(&settled.again);
        all.untried.extend(&settled.untried);
        Ok(())
    }

    async fn forget_old_keys(&self) -> Result<u64, Error> {
        let mut keys = self.keys.lock().unwrap();
        let some = (*keys).min(1000);
        *keys -= some;
        Ok(some)
    }
}

fn messages<K: Clone>(count: usize, kind: &K, attempts: i32) -> Vec<Message<K>> {
    (0..count)
        .map(|_| Message {
            id: Uuid::now_v7(),
            kind: kind.clone(),
            body: "12345678".to_owned(),
            correlation_id: "abc".to_owned(),
            traceparent: None,
            attempts,
        })
        .collect()
}

/// The response of a queue or bus to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Accepts the messages after this delay.
    Answers(Duration),
    Fails,
    /// Never responds.
    IsDeaf,
}

/// A queue or bus, with the messages that it got and when.
struct Receiver {
    mood: Mood,
    waiting: Option<u64>,
    started: Instant,
    calls: Mutex<Vec<Vec<(Uuid, usize)>>>,
    last: Mutex<Duration>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Receiver {
    fn that(mood: Mood) -> Self {
        Self {
            mood,
            waiting: Some(0),
            started: Instant::now(),
            calls: Mutex::default(),
            last: Mutex::default(),
            at_once: AtomicUsize::default(),
            most_at_once: AtomicUsize::default(),
        }
    }

    fn that_answers() -> Self {
        Self::that(Mood::Answers(Duration::ZERO))
    }

    fn sent(&self) -> usize {
        self.calls.lock().unwrap().iter().map(Vec::len).sum()
    }
}

impl<K: Sync> SendBatch<K> for Receiver {
    const LIMIT: usize = 10;
    const MAX_BYTES: usize = 100;

    fn bytes(message: &Message<K>) -> usize {
        message.body.len()
    }

    async fn send_batch(
        &self,
        messages: &[Message<K>],
    ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
        let call = messages.iter().map(|message| (message.id, message.body.len())).collect();
        self.calls.lock().unwrap().push(call);
        *self.last.lock().unwrap() = self.started.elapsed();
        let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(now, Ordering::Relaxed);
        match self.mood {
            Mood::Answers(late) => sleep(late).await,
            Mood::Fails => return Err("500".into()),
            Mood::IsDeaf => {
                timeout_at(deadline::current(MINUTE), std::future::pending::<()>()).await?;
            }
        }
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        Ok(messages.iter().map(|_| Ok(())).collect())
    }
}

impl MeasureQueue for Receiver {
    async fn waiting(&self) -> Result<u64, BoxError> {
        self.waiting.ok_or_else(|| "no answer".into())
    }
}

async fn relay(outbox: &Outbox, queue: &Receiver, bus: &Receiver, time: Duration) -> Relayed {
    relay_outbox(outbox, queue, bus, BACKOFF, Instant::now() + time).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_says_nothing_is_given_up_in_time_and_what_has_not_left_is_kept() {
    let (outbox, bus) = (Outbox::with(300, 0), Receiver::that(Mood::IsDeaf));
    let (started, second) = (Instant::now(), Duration::from_secs(1));
    let relayed = relay_events(&outbox, &bus, BACKOFF, started + second).await.unwrap();
    assert_eq!(started.elapsed(), second);
    assert_eq!(relayed, Relayed { jobs: 0, events: 0, failed: 100 });
    let settled = outbox.settled.into_inner().unwrap();
    assert_eq!((settled.done.len(), settled.again.len()), (0, 100));
    assert_eq!(outbox.events.into_inner().unwrap().len(), 200, "of a batch's time, one portion");
}

#[tokio::test(start_paused = true)]
async fn no_call_follows_one_that_failed_as_a_whole() {
    let (outbox, bus) = (Outbox::with(2_000, 0), Receiver::that(Mood::Fails));
    let relayed = relay(&outbox, &Receiver::that_answers(), &bus, MINUTE).await;
    assert!(bus.calls.lock().unwrap().len() <= AT_ONCE, "those that were on their way");
    assert_eq!(relayed, Relayed { jobs: 0, events: 0, failed: bus.sent() });
    let settled = outbox.settled.into_inner().unwrap();
    assert_eq!(settled.again.len(), bus.sent());
    assert_eq!(settled.untried.len(), usize::from(PORTION) - bus.sent());
    assert!(settled.again.iter().all(|&(_, delay)| delay == BACKOFF.min));
}

#[tokio::test(start_paused = true)]
async fn neither_kind_waits_for_the_other() {
    let slow = Mood::Answers(Duration::from_secs(1));
    for mood in [slow, Mood::Fails, Mood::IsDeaf] {
        let outbox = Outbox::with(10_000, 1);
        let (queue, bus) = (Receiver::that_answers(), Receiver::that(mood));
        assert_eq!(relay(&outbox, &queue, &bus, MINUTE).await.jobs, 1, "{mood:?}");
        assert_eq!(*queue.last.lock().unwrap(), Duration::ZERO, "{mood:?}");

        let outbox = Outbox::with(1, 10_000);
        let (queue, bus) = (Receiver::that(mood), Receiver::that_answers());
        assert_eq!(relay(&outbox, &queue, &bus, MINUTE).await.events, 1, "{mood:?}");
        assert_eq!(*bus.last.lock().unwrap(), Duration::ZERO, "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_while_there_is_time_with_a_bounded_number_of_calls_at_once() {
    let outbox = Outbox::with(100_000, 0);
    let bus = Receiver::that(Mood::Answers(Duration::from_millis(5)));
    let queue = Receiver::that_answers();
    let relayed = relay(&outbox, &queue, &bus, MINUTE).await;
    assert_eq!(relayed, Relayed { jobs: 0, events: 100_000, failed: 0 });
    assert_eq!(bus.most_at_once.into_inner(), AT_ONCE);

    let outbox = Outbox::with(100_000, 0);
    let bus = Receiver::that(Mood::Answers(Duration::from_secs(1)));
    let started = Instant::now();
    let relayed = relay(&outbox, &queue, &bus, Duration::from_secs(10)).await;
    assert!(started.elapsed() <= Duration::from_secs(11), "{:?}", started.elapsed());
    assert!(relayed.events >= 1_000 && relayed.failed == 0, "{relayed:?}");
}

#[tokio::test]
async fn while_the_queue_is_long_or_unknown_only_jobs_go_out_that_were_never_sent_for_long() {
    for (waiting, jobs) in [(Some(0), 6), (Some(SHORT_QUEUE), 6), (Some(101), 1), (None, 1)] {
        let outbox = Outbox::with(0, 2);
        *outbox.overdue.lock().unwrap() = messages(1, &OutboxJob, 1);
        *outbox.sent_before.lock().unwrap() = messages(3, &OutboxJob, 2);
        let queue = Receiver { waiting, ..Receiver::that_answers() };
        let relayed = relay(&outbox, &queue, &Receiver::that_answers(), MINUTE).await;
        assert_eq!(relayed, Relayed { jobs, events: 0, failed: 0 }, "{waiting:?}");
        let settled = outbox.settled.into_inner().unwrap();
        assert_eq!((settled.done.len(), settled.again.len()), (0, jobs), "a job is kept");
    }
}

#[tokio::test]
async fn a_queue_that_gets_long_by_the_relay_s_own_doing_gets_no_copies() {
    let outbox = Outbox::with(0, 101);
    *outbox.sent_before.lock().unwrap() = messages(3, &OutboxJob, 2);
    let (queue, bus) = (Receiver::that_answers(), Receiver::that_answers());
    assert_eq!(relay(&outbox, &queue, &bus, MINUTE).await.jobs, 101);
    assert_eq!(outbox.sent_before.into_inner().unwrap().len(), 3);
}

#[tokio::test]
async fn a_call_holds_what_its_bytes_allow_and_a_message_that_is_too_large_fails_alone() {
    let outbox = Outbox::with(8, 0);
    let lengths = [60, 40, 1, 101, 99, 2, 100, 30];
    for (message, length) in outbox.events.lock().unwrap().iter_mut().zip(lengths) {
        message.body = "x".repeat(length);
    }
    let too_large = outbox.events.lock().unwrap()[3].id;
    let bus = Receiver::that_answers();
    let relayed = relay(&outbox, &Receiver::that_answers(), &bus, MINUTE).await;
    assert_eq!(relayed, Relayed { jobs: 0, events: 7, failed: 1 });
    let calls = bus.calls.into_inner().unwrap();
    let calls: Vec<Vec<usize>> =
        calls.iter().map(|call| call.iter().map(|&(_, bytes)| bytes).collect()).collect();
    assert_eq!(calls, [vec![60, 40], vec![1], vec![99], vec![2], vec![100], vec![30]]);
    let settled = outbox.settled.into_inner().unwrap();
    assert_eq!((settled.done.len(), settled.again), (7, vec![(too_large, BACKOFF.min)]));
}

#[tokio::test]
async fn old_keys_are_forgotten_until_there_are_none_or_the_time_is_over() {
    for (time, forgotten) in [(MINUTE, 2_500), (Duration::ZERO, 1_000)] {
        let outbox = Outbox { keys: Mutex::new(2_500), ..Outbox::default() };
        let until = Instant::now() + time;
        assert_eq!(forget_old_keys(&outbox, until).await.unwrap(), forgotten);
    }
}
