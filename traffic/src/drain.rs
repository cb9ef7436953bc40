//! Waits until the orders of a run have left the queue and the outbox.

use std::time::{Duration, Instant};

use aws_sdk_lambda::primitives::Blob;
use waybill_ops::error::{Context as _, Result};

use crate::database::Database;
use crate::depth::Depths;
use crate::settings::Target;

/// How often to look.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the relay is invoked. Its schedule does so every minute.
const RELAY_EVERY: Duration = Duration::from_secs(5);

/// How long to wait for the queue to be empty when nothing of the run is left: it may hold the jobs of
/// others.
const OTHERS: Duration = Duration::from_secs(10);

const PENDING: &str = "SELECT count(*) FROM orders WHERE owner = ANY ($1) AND status = 'pending'";
const IN_OUTBOX: &str =
    "SELECT count(*) FROM outbox b JOIN orders o ON o.id = b.order_id WHERE o.owner = ANY ($1)";

/// What is left of a run in the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    pending: i64,
    outbox: i64,
    queue: Option<i64>,
}

/// The end of a wait.
#[derive(Debug, Clone)]
pub(crate) struct Drained {
    /// How long it took.
    pub after: Duration,
    /// What was left at the end of the longest wait, in words.
    pub left: Option<String>,
}

/// Waits until nothing of these owners is pending or in the outbox, and the queue is empty; for at most
/// `longest`. Invokes the relay while it waits, so that nobody waits for its schedule.
pub(crate) async fn drain(
    target: &Target,
    depths: &Depths,
    database: &Database,
    owners: &[String],
    longest: Duration,
) -> Drained {
    let lambda = aws_sdk_lambda::Client::new(&target.aws.service("LAMBDA").await);
    let started = Instant::now();
    let (mut relayed, mut own): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        let left = look(depths, database, owners).await;
        let after = started.elapsed();
        match left {
            Ok(Left { pending: 0, outbox: 0, queue }) => {
                let since = own.get_or_insert_with(Instant::now);
                if queue == Some(0) || since.elapsed() > OTHERS || after >= longest {
                    return Drained { after, left: None };
                }
            }
            _ if after < longest => own = None,
            Ok(left) => return Drained { after, left: Some(left.words()) },
            Err(error) => return Drained { after, left: Some(format!("no answer: {error}")) },
        }
        if relayed.is_none_or(|relayed| relayed.elapsed() > RELAY_EVERY) {
            relayed = Some(Instant::now());
            // The schedule comes anyway, so a failure only costs time.
            let _ = relay(&lambda, &target.bus).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(depths: &Depths, database: &Database, owners: &[String]) -> Result<Left> {
    let count = async |statement| {
        let rows = database.query(statement, &[&owners]).await?;
        let count = rows.first().map(|row| row.try_get(0)).transpose();
        Ok::<i64, waybill_ops::error::Error>(
            count.context(|| "The database returned no number.")?.unwrap_or_default(),
        )
    };
    let (pending, outbox) = (count(PENDING).await?, count(IN_OUTBOX).await?);
    Ok(Left { pending, outbox, queue: depths.read().await.queue })
}

/// Invokes relay-outbox. The stack has the name of its bus.
async fn relay(lambda: &aws_sdk_lambda::Client, stack: &str) -> Result<()> {
    let call = lambda.invoke().function_name(format!("{stack}-relay-outbox"));
    let sent = call.payload(Blob::new(*b"{}")).send().await;
    sent.context(|| "Failed to invoke relay-outbox.").map(drop)
}

impl Left {
    fn words(self) -> String {
        let queue = self.queue.map_or_else(|| "unknown".to_owned(), |queue| queue.to_string());
        format!(
            "{} pending orders, {} messages in the outbox, {queue} jobs in the queue",
            self.pending, self.outbox
        )
    }
}
