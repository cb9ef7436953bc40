//! A round: traffic from its first request to its verdict.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use uuid::Uuid;
use waybill_ops::error::{Context as _, Result};
use waybill_ops::ui;

use crate::asker;
use crate::ceiling;
use crate::client::Client;
use crate::clock::Clock;
use crate::customers::Tokens;
use crate::database::Database;
use crate::depth::Depths;
use crate::doubtful::Doubtful;
use crate::drain::{self, Drained};
use crate::events::Subscriber;
use crate::faults::Faults;
use crate::generator::{self, Wanted};
use crate::history::{History, Line, Observed, Outcome, Run, Strike, Writer};
use crate::ledger::Ledger;
use crate::meter::Meter;
use crate::observe::{self, owners};
pub use crate::options::Options;
use crate::plan::Plan;
use crate::report;
use crate::sender::Sender;
use crate::settings::Target;
use crate::shop::Shop;
use crate::status::{Board, Current, State};
use crate::verdict::{Verdict, judge};
use crate::watcher::Watcher;

/// How long to ask for orders whose outcome is unknown, after the last request.
const LONGEST_DOUBT: Duration = Duration::from_mins(1);
/// How long to wait for queue and outbox before a verdict.
const LONGEST_DRAIN: Duration = Duration::from_mins(5);
/// The name of the history in a round's folder.
pub const HISTORY: &str = "history.jsonl";

/// A round that is open.
pub struct Round {
    target: Target,
    options: Options,
    sender: Arc<Sender>,
    plan: Plan,
    flights: JoinSet<()>,
    database: Database,
    depths: Depths,
    subscriber: Arc<Subscriber>,
    asker: AbortHandle,
    receiver: AbortHandle,
    folder: PathBuf,
    board: Arc<Board>,
}

impl Round {
    /// Opens a round: measures the ceiling, puts products on sale, subscribes to the events, and
    /// begins the history.
    ///
    /// # Errors
    /// If the stack does not answer, or the folder can't be made.
    pub async fn open(
        target: &Target,
        options: Options,
        wanted: Wanted,
        board: Arc<Board>,
    ) -> Result<Self> {
        let client = Client::new(&target.api_url)?;
        let ceiling =
            if options.measure_ceiling { Some(ceiling::measure(&client).await?) } else { None };
        let started_at = Timestamp::now();
        let run = Run {
            version: Run::VERSION,
            name: Uuid::new_v4().simple().to_string().chars().take(8).collect(),
            seed: options.seed,
            started_at,
            mode: wanted.mode,
            rate: wanted.rate,
            mix: wanted.mix,
            arrivals: options.arrivals,
            in_flight: options.in_flight,
            customers: options.customers,
            products: Shop::plan(),
            ceiling,
        };
        let folder =
            target.out.join(format!("{}-{}", started_at.strftime("%Y%m%d-%H%M%S"), run.name));
        fs::create_dir_all(&folder)
            .context(|| format!("Failed to create {}.", folder.display()))?;
        let history = Writer::create(&folder.join(HISTORY))?;
        let tokens = Tokens::sign(target, &run)?;
        let shop = Shop::open(run.products.clone(), &client, tokens.staff()).await?;
        let subscriber = Subscriber::new(target, &run.name).await?;
        history.write(&Line::Run(run.clone()));
        board.change(|status| {
            status.totals = crate::meter::Totals::default();
            status.seconds.clear();
            status.ceiling.clone_from(&run.ceiling);
            let (name, seed, folder) = (run.name.clone(), run.seed, folder.clone());
            status.round = Some(Current { name, seed, started_at, folder });
        });
        let plan = Plan::new(run.seed, run.arrivals, run.customers, run.products.len());
        let sender = Arc::new(Sender {
            run,
            client,
            tokens,
            shop,
            ledger: Ledger::default(),
            doubtful: Doubtful::default(),
            history,
            meter: Meter::default(),
            clock: Clock::start(),
        });
        let asker = tokio::spawn(asker::run(Arc::clone(&sender))).abort_handle();
        let receiver = tokio::spawn(Arc::clone(&subscriber).run()).abort_handle();
        Ok(Self {
            database: Database::new(&target.database_url),
            depths: Depths::of(target).await,
            target: target.clone(),
            options,
            sender,
            plan,
            flights: JoinSet::new(),
            subscriber,
            asker,
            receiver,
            folder,
            board,
        })
    }

    /// The folder of its history and its report.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The parameters.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.sender.run
    }

    /// A function that returns the number of calls so far.
    pub fn counter(&self) -> impl Fn() -> u64 + use<> {
        let sender = Arc::clone(&self.sender);
        move || sender.history.calls()
    }

    /// Sends requests until `until` ends.
    pub async fn send<T>(
        &mut self,
        wanted: watch::Receiver<Wanted>,
        until: impl Future<Output = T>,
    ) -> T {
        self.board.change(|status| status.state = State::Sending);
        let Self { sender, plan, flights, target, options, depths, board, .. } = self;
        let watcher = Watcher::new(sender, depths, board, target, options);
        tokio::select! {
            ended = until => ended,
            () = generator::run(sender, plan, wanted, flights) => std::future::pending().await,
            () = watcher.run() => std::future::pending().await,
        }
    }

    /// Waits for the answers, and asks again for orders in doubt, for at most a minute. Ends the
    /// history's calls.
    ///
    /// # Errors
    /// If the history can't be written.
    pub async fn settle(&mut self) -> Result<()> {
        self.board.change(|status| status.state = State::Draining);
        let Self { sender, flights, target, options, depths, board, .. } = self;
        let watcher = Watcher::new(sender, depths, board, target, options);
        let settled = async {
            while flights.join_next().await.is_some() {}
            let end = Instant::now() + LONGEST_DOUBT;
            while sender.doubtful.len() > 0 && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            () = settled => {}
            () = watcher.run() => {}
        }
        // A request for an order in doubt may be in flight: its answer must not come after the end.
        self.asker.abort();
        let sender = &*self.sender;
        if let Some(url) = &self.target.faults_url
            && let Err(error) = self.note_faults(&Faults::at(url)).await
        {
            ui::failure(&error);
            ui::line("The history says nothing about faults.");
        }
        sender.history.end(sender.clock.now_us());
        sender.history.flush()
    }

    /// Writes the faults into the history that were in force since the start and are over.
    async fn note_faults(&self, faults: &Faults) -> Result<()> {
        let sender = &*self.sender;
        let (now, now_us) = (Timestamp::now(), sender.clock.now_us());
        let us = |at: Timestamp| {
            let ago = u64::try_from(now.duration_since(at).as_micros()).unwrap_or_default();
            now_us.saturating_sub(ago)
        };
        for past in faults.past().await? {
            let (from_us, to_us) = (us(past.started_at), us(past.ended_at));
            if to_us > 0 {
                let struck = Some(past.struck as u64);
                sender.history.write(&Line::Fault(Strike {
                    name: past.name,
                    from_us,
                    to_us,
                    struck,
                }));
            }
        }
        Ok(())
    }

    /// Waits until queue and outbox are empty, for at most `longest_drain`, and observes the service.
    ///
    /// # Errors
    /// If the history can't be read.
    pub async fn observe(&self, longest_drain: Duration) -> Result<Observed> {
        let (target, sender) = (&self.target, &*self.sender);
        let Drained { after, left } =
            drain::drain(target, &self.depths, &self.database, &owners(sender), longest_drain)
                .await;
        self.board.change(|status| status.state = State::Judging);
        let history = self.history()?;
        let known = history.calls.iter().filter_map(|call| match &call.outcome {
            Outcome::Placed { id, .. } => Some(*id),
            _ => None,
        });
        let known = known.collect();
        let mut observed =
            observe::observe(target, sender, &self.database, &self.subscriber, &known).await;
        observed.drained_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        observed.not_drained = left;
        Ok(observed)
    }

    /// The history so far.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn history(&self) -> Result<History> {
        History::read(self.sender.history.path())
    }

    /// Settles and observes, judges, and writes the report.
    ///
    /// # Errors
    /// If a file can't be written.
    pub async fn finish(&mut self) -> Result<Verdict> {
        self.settle().await?;
        let observed = self.observe(LONGEST_DRAIN).await?;
        self.sender.history.write(&Line::Observed(observed));
        self.sender.history.flush()?;
        let history = self.history()?;
        let verdict = judge(&history);
        report::write(&self.folder, &history, &verdict)?;
        self.board.change(|status| status.verdict = Some(verdict.clone()));
        Ok(verdict)
    }

    /// Removes what the round has made in the stack, except for its orders.
    pub async fn close(self) {
        self.asker.abort();
        self.receiver.abort();
        self.subscriber.close().await;
        self.sender.shop.close(&self.sender.client, self.sender.tokens.staff()).await;
        self.board.change(|status| status.state = State::Idle);
    }
}
