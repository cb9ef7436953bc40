//! The one task that reads logs and figures, and the snapshots that pages read.
//!
//! It works while somebody looks: a stream is open, or a page was asked for in the last minute. The
//! emulator keeps the logs, so nothing is missed.

pub(crate) mod figures;
pub(crate) mod kept;
pub(crate) mod line;
pub(crate) mod snapshot;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use waybill_ops::logs::{Event, Tail};

use self::figures::Figures;
use self::kept::Kept;
use self::snapshot::{GAUGES, Gauge, Snapshot};
use crate::format::now_ms;
use crate::lock::lock;
use crate::sources::{Sources, sentence};

/// The time between snapshots.
pub(crate) const PERIOD: Duration = Duration::from_secs(2);
/// The time between two answers of a long log.
const BREATH: Duration = Duration::from_millis(100);
/// How long the task goes on after a page was asked for.
const INTEREST: Duration = Duration::from_mins(1);
/// How far back it reads when it begins to work.
const BACK: Duration = Duration::from_mins(15);
/// How long a page waits for the first snapshot.
const PATIENCE: Duration = Duration::from_secs(4);

/// What pages know of the task.
#[derive(Debug)]
pub(crate) struct Collector {
    latest: watch::Sender<Arc<Snapshot>>,
    kept: Mutex<Kept>,
    asked_at: Mutex<Instant>,
    asked: Notify,
}

impl Collector {
    /// Starts the task. It ends with the process.
    pub(crate) fn start(sources: Arc<Sources>) -> Arc<Self> {
        let collector = Arc::new(Self {
            latest: watch::channel(Arc::new(Snapshot::default())).0,
            kept: Mutex::default(),
            asked_at: Mutex::new(Instant::now()),
            asked: Notify::new(),
        });
        tokio::spawn(Arc::clone(&collector).run(sources));
        collector
    }

    /// The newest snapshot. Waits for one if the task had paused.
    pub(crate) async fn snapshot(&self) -> Arc<Snapshot> {
        *lock(&self.asked_at) = Instant::now();
        self.asked.notify_one();
        let mut latest = self.latest.subscribe();
        let is_fresh = |it: &Arc<Snapshot>| now_ms() - it.at_ms < 3 * period_ms();
        let fresh = tokio::time::timeout(PATIENCE, latest.wait_for(is_fresh)).await;
        match fresh {
            Ok(Ok(fresh)) => Arc::clone(&fresh),
            _ => Arc::clone(&self.latest.borrow()),
        }
    }

    /// A subscription to new snapshots. While there is one, the task works.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.asked.notify_one();
        self.latest.subscribe()
    }

    /// The kept log lines.
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    async fn run(self: Arc<Self>, sources: Arc<Sources>) {
        let mut tail = Tail::new(&sources.aws, BACK).await;
        let (mut figures, mut gauges) = (Figures::default(), Vec::<Gauge>::new());
        loop {
            let asked = lock(&self.asked_at).elapsed();
            if self.latest.receiver_count() == 0 && asked > INTEREST {
                self.asked.notified().await;
                tail.skip_to(BACK);
                continue;
            }
            let problem = self.read_logs(&mut tail, &mut figures).await;
            let now_ms = now_ms();
            figures.forget_old(now_ms);
            self.kept().forget_old(now_ms);
            let mut snapshot = Snapshot::take(&sources, &figures, now_ms).await;
            snapshot.logs_problem = problem;
            snapshot.kept = self.kept().totals();
            gauges.push(snapshot.gauge());
            if gauges.len() > GAUGES {
                gauges.remove(0);
            }
            snapshot.gauges.clone_from(&gauges);
            self.latest.send_replace(Arc::new(snapshot));
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Reads new log lines, for one period at most. Returns why lines are missing, if any are.
    async fn read_logs(&self, tail: &mut Tail, figures: &mut Figures) -> Option<String> {
        let until = Instant::now() + PERIOD;
        loop {
            match tail.next().await {
                Ok(events) => self.add(figures, &events),
                Err(error) => return Some(format!("The logs can't be read: {}", sentence(&error))),
            }
            if !tail.is_behind() {
                return None;
            }
            if Instant::now() >= until {
                let why = "there are more than could be read so far";
                return Some(format!("The newest log lines are missing: {why}."));
            }
            // The emulator serves others in between.
            tokio::time::sleep(BREATH).await;
        }
    }

    fn add(&self, figures: &mut Figures, events: &[Event]) {
        let mut kept = self.kept();
        for event in events {
            for text in event.text.lines() {
                let Some(entry) = line::parse(text, &event.function, event.at_ms) else { continue };
                figures.add(&event.function, event.at_ms, &entry);
                match entry {
                    line::Entry::Line(line) => kept.add(line),
                    line::Entry::Spans(spans) => kept.add_spans(&event.function, &spans),
                    line::Entry::Cache(_) | line::Entry::Report => {}
                }
            }
        }
    }
}

fn period_ms() -> i64 {
    i64::try_from(PERIOD.as_millis()).unwrap_or(i64::MAX)
}
