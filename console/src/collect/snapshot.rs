//! One look at the whole stack.

use super::figures::{Figures, Summary};
use super::kept::Totals;
use super::line::CacheCounts;
use crate::sources::database::column;
use crate::sources::processes::{self, Processes};
use crate::sources::queues::Depths;
use crate::sources::{Sources, sentence};
use waybill_ops::error::{Error, Result};

/// The points of the charts: ten minutes, at one in two seconds.
pub(crate) const GAUGES: usize = 300;

/// The functions of the stack in the order in which a request meets them.
const ORDER: [&str; 14] = [
    "create-order",
    "get-order",
    "list-orders",
    "cancel-order",
    "update-order-status",
    "get-product",
    "list-products",
    "put-product",
    "fulfill-order",
    "relay-outbox",
    "notify-customer",
    "health",
    "describe-api",
    "migrate",
];

/// The stack at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// When it was taken, in milliseconds since 1970; 0 if none was taken yet.
    pub(crate) at_ms: i64,
    /// The functions.
    pub(crate) functions: Vec<Function>,
    /// The product cache, in the last minute.
    pub(crate) cache: CacheCounts,
    /// The queues, or why they are not known.
    pub(crate) queues: Option<Result<Queues, String>>,
    /// Postgres, or why it is not known.
    pub(crate) postgres: Option<Result<Postgres, String>>,
    /// Why there may be log lines that are not known.
    pub(crate) logs_problem: Option<String>,
    /// What is kept of the logs.
    pub(crate) kept: Totals,
    /// The snapshots before, oldest first.
    pub(crate) gauges: Vec<Gauge>,
}

/// A function at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Its last minute.
    pub(crate) summary: Summary,
    /// Its processes.
    pub(crate) processes: Processes,
}

/// The queues with their dead letters.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Queues {
    /// That of jobs.
    pub(crate) jobs: Depths,
    /// That of events for mail, if the stack sends any.
    pub(crate) mail: Option<Depths>,
}

/// Postgres at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Postgres {
    /// Connections to the database.
    pub(crate) connections: i64,
    /// Those that work on a statement.
    pub(crate) active: i64,
    /// The most that the server allows.
    pub(crate) most: i32,
    /// Jobs in the outbox: one for each pending order.
    pub(crate) jobs: i64,
    /// Events in the outbox.
    pub(crate) events: i64,
    /// For how long a row of the outbox has been due, in seconds; none if none is.
    pub(crate) oldest_s: Option<f64>,
}

/// The figures that are drawn over time. None where they are not known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gauge {
    /// Jobs in the fulfillment queue.
    pub(crate) jobs: Option<f64>,
    /// Events in the queue of mail.
    pub(crate) mail: Option<f64>,
    /// Rows in the outbox.
    pub(crate) outbox: Option<f64>,
    /// Connections to Postgres.
    pub(crate) connections: Option<f64>,
}

impl Snapshot {
    /// Looks at the stack, but not at its logs.
    pub(crate) async fn take(sources: &Sources, figures: &Figures, now_ms: i64) -> Self {
        let (queues, postgres) = tokio::join!(queues(sources, now_ms), postgres(sources));
        let mut processes = processes::of_emulator(&sources.aws.endpoint, STACK);
        let mut summaries = figures.summaries(now_ms);
        let mut names: Vec<String> = ORDER.map(str::to_owned).into();
        names.extend(summaries.keys().filter(|name| !ORDER.contains(&name.as_str())).cloned());
        let functions = names.into_iter().filter_map(|name| {
            let summary = summaries.remove(&name);
            let own = processes.remove(&name);
            // A function that this stack doesn't have, or that was never called.
            summary.as_ref().map(|_| ()).or(own.map(|_| ()))?;
            let (summary, processes) = (summary.unwrap_or_default(), own.unwrap_or_default());
            Some(Function { name, summary, processes })
        });
        Self {
            at_ms: now_ms,
            functions: functions.collect(),
            cache: figures.cache(),
            queues: Some(queues.map_err(|error| sentence(&error))),
            postgres: Some(postgres.map_err(|error| sentence(&error))),
            ..Self::default()
        }
    }

    /// The figures of this snapshot that are drawn over time.
    pub(crate) fn gauge(&self) -> Gauge {
        let queues = self.queues.as_ref().and_then(|it| it.as_ref().ok());
        let postgres = self.postgres.as_ref().and_then(|it| it.as_ref().ok());
        #[expect(clippy::cast_precision_loss, reason = "these counts are small")]
        let number = |count: i64| count as f64;
        let length = |it: Depths| {
            let length = it.front.waiting.saturating_add(it.front.in_flight);
            number(i64::try_from(length).unwrap_or(i64::MAX))
        };
        Gauge {
            jobs: queues.map(|it| length(it.jobs)),
            mail: queues.and_then(|it| it.mail).map(length),
            outbox: postgres.map(|it| number(it.jobs + it.events)),
            connections: postgres.map(|it| number(it.connections)),
        }
    }

    /// The function with this name.
    pub(crate) fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|it| it.name == name)
    }
}

/// The name of a local stack.
const STACK: &str = waybill_ops::remote::STACK_NAME;

async fn queues(sources: &Sources, now_ms: i64) -> Result<Queues> {
    let mail = match &sources.mail {
        Some(mail) => Some(sources.depths(mail, now_ms).await?),
        None => None,
    };
    Ok(Queues { jobs: sources.depths(&sources.jobs, now_ms).await?, mail })
}

async fn postgres(sources: &Sources) -> Result<Postgres> {
    let rows = sources.database.query(include_str!("../../sql/figures.sql"), &[]).await?;
    let row = rows.first().ok_or_else(|| Error::new("Postgres returned no figures."))?;
    Ok(Postgres {
        connections: column(row, "connections")?,
        active: column(row, "active")?,
        most: column(row, "most")?,
        jobs: column(row, "jobs")?,
        events: column(row, "events")?,
        oldest_s: column(row, "oldest_s")?,
    })
}
