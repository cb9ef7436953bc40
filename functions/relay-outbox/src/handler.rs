//! Relays the outbox and deletes expired idempotency keys. Accepts any event.

use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use tracing::Instrument;
use waybill::app::{self, Backoff, Event, KeepOutbox, MeasureQueue, OutboxJob, Relayed, SendBatch};
use waybill::{BoxError, deadline, lambda, trace};

/// The time limit of an invocation: the function's timeout in the template.
const LIMIT: Duration = Duration::from_mins(1);

/// The time that is reserved for deleting expired idempotency keys.
const FORGETTING: Duration = Duration::from_secs(8);

pub(crate) async fn relay_outbox(
    event: LambdaEvent<Value>,
    outbox: &impl KeepOutbox,
    queue: &(impl SendBatch<OutboxJob> + MeasureQueue),
    bus: &impl SendBatch<Event>,
    backoff: Backoff,
) -> Result<Relayed, BoxError> {
    let (request_id, cold_start) = (&event.context.request_id, lambda::is_cold_start());
    let span = tracing::info_span!("relay", request_id, cold_start);
    let end = deadline::of_invocation(event.context.deadline(), LIMIT);
    let until = end.checked_sub(FORGETTING).unwrap_or(end);
    let work = async {
        let relayed = app::relay_outbox(outbox, queue, bus, backoff, until).await;
        if let Err(error) = &relayed {
            tracing::error!(error = error.chain(), "failed to relay the outbox");
        }
        let forgotten = app::forget_old_keys(outbox, end).await;
        if let Err(error) = &forgotten {
            tracing::error!(error = error.chain(), "failed to forget old idempotency keys");
        }
        let (relayed, keys_forgotten) = (relayed?, forgotten?);
        let Relayed { jobs, events, failed } = relayed;
        tracing::info!(jobs, events, failed, keys_forgotten, "outbox relayed");
        Ok(relayed)
    };
    let traced = trace::scheduled("relay");
    traced.invocation(request_id, cold_start);
    traced.scope(deadline::within(end, work).instrument(span)).await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use lambda_runtime::Context;
    use waybill::Error;
    use waybill::app::{Jobs, Message, Settled};

    use super::*;

    /// A store in which nothing can be relayed, with some expired keys.
    struct Broken {
        keys: AtomicU64,
    }

    impl KeepOutbox for Broken {
        async fn claim_events(&self, _: u16) -> Result<Vec<Message<Event>>, Error> {
            Err(Error::unavailable("Postgres", "gone"))
        }

        async fn claim_jobs(&self, _: Jobs, _: u16) -> Result<Vec<Message<OutboxJob>>, Error> {
            Err(Error::unavailable("Postgres", "gone"))
        }

        async fn settle(&self, _: &Settled) -> Result<(), Error> {
            Ok(())
        }

        async fn forget_old_keys(&self) -> Result<u64, Error> {
            let some = self.keys.load(Ordering::Relaxed).min(1000);
            self.keys.fetch_sub(some, Ordering::Relaxed);
            Ok(some)
        }
    }

    impl<K: Sync> SendBatch<K> for Broken {
        const LIMIT: usize = 10;
        const MAX_BYTES: usize = 1_000_000;

        fn bytes(message: &Message<K>) -> usize {
            message.body.len()
        }

        async fn send_batch(
            &self,
            _: &[Message<K>],
        ) -> Result<Vec<Result<(), BoxError>>, BoxError> {
            Err("gone".into())
        }
    }

    impl MeasureQueue for Broken {
        async fn waiting(&self) -> Result<u64, BoxError> {
            Err("gone".into())
        }
    }

    #[tokio::test]
    async fn old_keys_are_forgotten_though_nothing_can_be_relayed() {
        let world = Broken { keys: AtomicU64::new(2_500) };
        let event = LambdaEvent::new(Value::Null, Context::default());
        let backoff = Backoff { min: FORGETTING, max: FORGETTING };
        let relayed = relay_outbox(event, &world, &world, &world, backoff).await;
        assert!(relayed.is_err(), "{relayed:?}");
        assert_eq!(world.keys.into_inner(), 0);
    }
}
