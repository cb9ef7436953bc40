//! Sends the messages of the outbox.

mod outbox;

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::{BoxError, Error, deadline};

pub use outbox::{Event, Jobs, KeepOutbox, MeasureQueue, Message, OutboxJob, SendBatch, Settled};

/// The most messages of a kind that a relay claims at a time, which bounds its memory: an event
/// takes at most 100 kB (an order of a hundred lines), usually less than 1 kB.
const PORTION: u16 = 500;

/// The most events claimed after a batch: its own, and some that earlier batches left.
const PORTION_OF_A_BATCH: u16 = 100;

/// The most concurrent calls of a kind.
const AT_ONCE: usize = 16;

/// The most waiting messages of a short queue. A job that has not arrived after a minute in a short
/// queue is probably lost.
const SHORT_QUEUE: u64 = 100;

/// The longest time that an unsent job waits while the queue is long.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// The delays between the tries of a message.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The first delay; doubled for each further one.
    pub min: Duration,
    /// The longest delay.
    pub max: Duration,
}

/// The counts of a run of the relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Relayed {
    /// Jobs sent to the queue.
    pub jobs: usize,
    /// Events sent to the bus.
    pub events: usize,
    /// Messages that were not sent, and are kept.
    pub failed: usize,
}

/// Sends due jobs and events until none is left, a call fails as a whole, or `until`. Neither kind
/// waits for the other.
///
/// An event is deleted once it is sent. A job is kept while its order is pending, and sent again
/// with growing delays, in case it was lost behind the queue. While more than a hundred messages
/// wait in the queue, no job is sent again, since it may be among them. A crash between sending and
/// settling sends a message twice, which consumers tolerate.
///
/// # Errors
/// The error of the outbox. Claimed messages are due again after their lease.
pub async fn relay_outbox(
    outbox: &impl KeepOutbox,
    queue: &(impl SendBatch<OutboxJob> + MeasureQueue),
    bus: &impl SendBatch<Event>,
    backoff: Backoff,
    until: Instant,
) -> Result<Relayed, Error> {
    let relay = Relay { outbox, backoff, until };
    let (jobs, events) = futures_util::join!(
        relay.send_jobs(queue),
        relay.send_all(bus, || outbox.claim_events(PORTION))
    );
    let (jobs, events) = (jobs?, events?);
    Ok(Relayed { jobs: jobs.sent, events: events.sent, failed: jobs.failed + events.failed })
}

/// Sends up to about a hundred due events, until `until`.
///
/// # Errors
/// As [`relay_outbox`].
pub async fn relay_events(
    outbox: &impl KeepOutbox,
    bus: &impl SendBatch<Event>,
    backoff: Backoff,
    until: Instant,
) -> Result<Relayed, Error> {
    let relay = Relay { outbox, backoff, until };
    let due = deadline::within(until, outbox.claim_events(PORTION_OF_A_BATCH)).await?;
    let events = relay.send_portion(bus, due).await?;
    Ok(Relayed { jobs: 0, events: events.sent, failed: events.failed })
}

/// Deletes expired idempotency keys until none is left or until `until`, but some in any case.
/// Returns how many.
///
/// # Errors
/// The error of the outbox.
pub async fn forget_old_keys(outbox: &impl KeepOutbox, until: Instant) -> Result<u64, Error> {
    let mut forgotten = 0;
    loop {
        let some = outbox.forget_old_keys().await?;
        forgotten += some;
        if some == 0 || Instant::now() >= until {
            return Ok(forgotten);
        }
    }
}

struct Relay<'a, O> {
    outbox: &'a O,
    backoff: Backoff,
    until: Instant,
}

/// The result of sending the messages of a kind.
#[derive(Default)]
struct Tally {
    sent: usize,
    failed: usize,
    /// Whether a call failed as a whole.
    gave_up: bool,
}

/// Whether a message is kept after it is sent.
trait Kind: Debug {
    const IS_KEPT: bool;
}

impl Kind for OutboxJob {
    const IS_KEPT: bool = true;
}

impl Kind for Event {
    const IS_KEPT: bool = false;
}

/// The result of a call. It is not made once another has failed or the time is over; its messages
/// then count as not tried.
enum Call {
    Made(Vec<Result<(), BoxError>>),
    Failed(BoxError),
    NotMade,
}

impl<O: KeepOutbox> Relay<'_, O> {
    /// Sends jobs, but none again while the queue is long or its length is unknown.
    async fn send_jobs(
        &self,
        queue: &(impl SendBatch<OutboxJob> + MeasureQueue),
    ) -> Result<Tally, Error> {
        let is_short = match deadline::within(self.until, queue.waiting()).await {
            Ok(waiting) if waiting <= SHORT_QUEUE => true,
            Ok(waiting) => {
                tracing::info!(waiting, "queue is long; not resending jobs");
                false
            }
            Err(error) => {
                let error = crate::error::chain(&*error);
                tracing::warn!(error, "failed to get the queue length; not resending jobs");
                false
            }
        };
        let unsent = Jobs::Unsent { overdue: if is_short { Duration::ZERO } else { LONGEST_WAIT } };
        let claim = |jobs| self.outbox.claim_jobs(jobs, PORTION);
        let first = self.send_all(queue, || claim(unsent)).await?;
        // These jobs may have made the queue long.
        let is_short = is_short && u64::try_from(first.sent).is_ok_and(|sent| sent <= SHORT_QUEUE);
        if first.gave_up || !is_short {
            return Ok(first);
        }
        let again = self.send_all(queue, || claim(Jobs::SentBefore)).await?;
        Ok(Tally {
            sent: first.sent + again.sent,
            failed: first.failed + again.failed,
            gave_up: again.gave_up,
        })
    }

    async fn send_all<K: Kind, S: SendBatch<K>, F>(
        &self,
        sender: &S,
        claim: impl Fn() -> F,
    ) -> Result<Tally, Error>
    where
        F: Future<Output = Result<Vec<Message<K>>, Error>>,
    {
        let mut all = Tally::default();
        while !all.gave_up && Instant::now() < self.until {
            let due = claim().await?;
            if due.is_empty() {
                break;
            }
            // Boxed, since it is large and both kinds run at once.
            let tally = Box::pin(self.send_portion(sender, due)).await?;
            all.sent += tally.sent;
            all.failed += tally.failed;
            all.gave_up = tally.gave_up;
        }
        Ok(all)
    }

    /// Sends and settles claimed messages.
    async fn send_portion<K: Kind, S: SendBatch<K>>(
        &self,
        sender: &S,
        messages: Vec<Message<K>>,
    ) -> Result<Tally, Error> {
        if messages.is_empty() {
            return Ok(Tally::default());
        }
        let gave_up = AtomicBool::new(false);
        let calls: Vec<_> = chunks::<K, S>(&messages)
            .into_iter()
            .map(|chunk| self.call_unless_given_up(sender, chunk, &gave_up))
            .collect();
        let calls: Vec<_> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
        let (mut settled, mut sent, mut failed) = (Settled::default(), 0, 0);
        for (chunk, call) in calls {
            let results = match call {
                Call::NotMade => {
                    settled.untried.extend(chunk.iter().map(|message| message.id));
                    continue;
                }
                Call::Made(results) => results,
                Call::Failed(error) => {
                    let error = crate::error::chain(&*error);
                    chunk.iter().map(|_| Err(error.clone().into())).collect()
                }
            };
            for (message, result) in chunk.iter().zip(results) {
                let has_left = self.note(message, result, &mut settled);
                sent += usize::from(has_left);
                failed += usize::from(!has_left);
            }
        }
        // May run past `until`, but within the invocation, so that what was sent is recorded.
        self.outbox.settle(&settled).await?;
        Ok(Tally { sent, failed, gave_up: gave_up.into_inner() })
    }

    async fn call_unless_given_up<'a, K: Kind, S: SendBatch<K>>(
        &self,
        sender: &S,
        chunk: &'a [Message<K>],
        gave_up: &AtomicBool,
    ) -> (&'a [Message<K>], Call) {
        if gave_up.load(Ordering::Relaxed) || Instant::now() >= self.until {
            return (chunk, Call::NotMade);
        }
        let call = self.call(sender, chunk).await;
        if matches!(call, Call::Failed(_)) {
            gave_up.store(true, Ordering::Relaxed);
        }
        (chunk, call)
    }

    async fn call<K: Kind, S: SendBatch<K>>(&self, sender: &S, chunk: &[Message<K>]) -> Call {
        if let [message] = chunk
            && S::bytes(message) > S::MAX_BYTES
        {
            let (bytes, most) = (S::bytes(message), S::MAX_BYTES);
            let error =
                format!("the message has {bytes} bytes, and a call may have at most {most}");
            return Call::Made(vec![Err(error.into())]);
        }
        match deadline::within(self.until, sender.send_batch(chunk)).await {
            Ok(results) => Call::Made(results),
            Err(error) => Call::Failed(error),
        }
    }

    /// Logs the result of a message, adds it to `settled`, and returns whether it was sent.
    fn note<K: Kind>(
        &self,
        message: &Message<K>,
        result: Result<(), BoxError>,
        settled: &mut Settled,
    ) -> bool {
        let &Message { id, ref kind, ref correlation_id, attempts, .. } = message;
        let has_left = match result {
            Ok(()) => {
                tracing::info!(%id, correlation_id, attempts, ?kind, "message relayed");
                true
            }
            Err(error) => {
                let error = crate::error::chain(&*error);
                tracing::warn!(
                    %id,
                    correlation_id,
                    attempts,
                    ?kind,
                    error,
                    "failed to relay a message; retrying"
                );
                false
            }
        };
        if has_left && !K::IS_KEPT {
            settled.done.push(id);
        } else {
            settled.again.push((id, self.backoff.after(attempts)));
        }
        has_left
    }
}

/// Splits messages into calls, each as large as the limits allow. A message larger than any call is
/// alone.
fn chunks<K, S: SendBatch<K>>(mut messages: &[Message<K>]) -> Vec<&[Message<K>]> {
    let mut chunks = Vec::new();
    while !messages.is_empty() {
        let mut bytes = 0;
        let fitting = messages.iter().take(S::LIMIT).take_while(|message| {
            bytes += S::bytes(message);
            bytes <= S::MAX_BYTES
        });
        let (chunk, rest) = messages.split_at(fitting.count().max(1));
        chunks.push(chunk);
        messages = rest;
    }
    chunks
}

impl Backoff {
    /// The delay after try number `attempts`.
    fn after(self, attempts: i32) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0);
        2_u32
            .checked_pow(doublings)
            .map_or(self.max, |factor| self.min.saturating_mul(factor))
            .min(self.max)
    }
}

#[cfg(test)]
mod tests;
