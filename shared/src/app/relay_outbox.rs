//! Sends what waits in the outbox.

use std::fmt::Debug;
use std::time::Duration;

use uuid::Uuid;

use super::ports::{Claimed, Event, Job, KeepOutbox, Message, SendBatch};
use crate::Error;

/// How many messages are claimed at a time: ten calls' worth.
const CLAIM: u16 = 100;

/// When a message is sent again.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first time. Doubled with every further one.
    pub min: Duration,
    /// At most.
    pub max: Duration,
}

/// What a relay has sent, and what it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Relayed {
    /// Jobs that went to the queue.
    pub jobs: usize,
    /// Events that went to the bus.
    pub events: usize,
    /// Messages that did not leave, and are kept for later.
    pub failed: usize,
}

/// Sends what is due, for at most so many rounds of up to a hundred messages, until nothing is due or
/// nothing of a round leaves.
///
/// An event is forgotten once it was sent. A job is kept until its order is not pending any more,
/// and sent again with growing patience: that makes up for a job that is lost behind the queue.
/// A crash between sending and settling sends twice, which every consumer has to bear.
///
/// # Errors
/// What the outbox answers. What was claimed is due again after its lease.
pub async fn relay_outbox(
    outbox: &impl KeepOutbox,
    queue: &impl SendBatch<Job>,
    bus: &impl SendBatch<Event>,
    backoff: Backoff,
    rounds: usize,
) -> Result<Relayed, Error> {
    let mut relayed = Relayed::default();
    for _ in 0..rounds {
        let Claimed { jobs, events } = outbox.claim(CLAIM).await?;
        if jobs.is_empty() && events.is_empty() {
            break;
        }
        let (jobs, events) = futures_util::join!(send(queue, &jobs), send(bus, &events));
        let again: Vec<_> = (jobs.sent.iter().chain(&jobs.failed).chain(&events.failed))
            .map(|&(id, attempts)| (id, backoff.after(attempts)))
            .collect();
        let done: Vec<Uuid> = events.sent.iter().map(|&(id, _)| id).collect();
        outbox.settle(&done, &again).await?;
        relayed.jobs += jobs.sent.len();
        relayed.events += events.sent.len();
        relayed.failed += jobs.failed.len() + events.failed.len();
        if jobs.sent.is_empty() && events.sent.is_empty() {
            break;
        }
    }
    Ok(relayed)
}

/// Messages by id, and how often each was claimed.
#[derive(Default)]
struct Outcome {
    sent: Vec<(Uuid, i32)>,
    failed: Vec<(Uuid, i32)>,
}

async fn send<K: Debug, S: SendBatch<K>>(sender: &S, messages: &[Message<K>]) -> Outcome {
    let mut outcome = Outcome::default();
    for batch in messages.chunks(S::LIMIT) {
        for (message, result) in batch.iter().zip(sender.send_batch(batch).await) {
            let &Message { id, ref kind, ref correlation_id, attempts, .. } = message;
            match result {
                Ok(()) => {
                    tracing::info!(%id, correlation_id, attempts, ?kind, "relayed");
                    outcome.sent.push((id, attempts));
                }
                Err(error) => {
                    let error = crate::error::chain(&*error);
                    tracing::warn!(%id, correlation_id, attempts, ?kind, error, "not relayed");
                    outcome.failed.push((id, attempts));
                }
            }
        }
    }
    outcome
}

impl Backoff {
    /// How long to wait after the `attempts`th time.
    fn after(self, attempts: i32) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0);
        2_u32
            .checked_pow(doublings)
            .map_or(self.max, |factor| self.min.saturating_mul(factor))
            .min(self.max)
    }
}
