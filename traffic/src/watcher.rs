//! Looks at a round once a second: counts, depths, processes.

use std::time::Duration;

use tokio::time::Instant;
use waybill_ops::ui;

use crate::depth::Depths;
use crate::history::{Line, Usage};
use crate::options::Options;
use crate::progress;
use crate::resources;
use crate::sender::Sender;
use crate::settings::Target;
use crate::status::Board;

/// How often processes are looked at, in seconds.
const USAGE_EVERY: u64 = 5;
const SECOND_US: u64 = 1_000_000;

/// Looks at everything once a second.
pub(crate) struct Watcher<'a> {
    sender: &'a Sender,
    depths: &'a Depths,
    board: &'a Board,
    target: &'a Target,
    options: &'a Options,
}

impl<'a> Watcher<'a> {
    /// A watcher of what a round is made of.
    pub(crate) const fn new(
        sender: &'a Sender,
        depths: &'a Depths,
        board: &'a Board,
        target: &'a Target,
        options: &'a Options,
    ) -> Self {
        Self { sender, depths, board, target, options }
    }

    /// Looks until it is dropped.
    pub(crate) async fn run(&self) {
        // At whole seconds of the run, so that none is there twice.
        let rest = SECOND_US - self.sender.clock.now_us() % SECOND_US;
        let first = Instant::now() + Duration::from_micros(rest);
        let mut ticks = tokio::time::interval_at(first, Duration::from_secs(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut used = None;
        loop {
            ticks.tick().await;
            let at_us = self.sender.clock.now_us();
            self.second(at_us).await;
            let turn = at_us / SECOND_US / USAGE_EVERY;
            if self.options.watch_processes && used.replace(turn) != Some(turn) {
                self.usage(at_us).await;
            }
        }
    }

    async fn second(&self, at_us: u64) {
        let depth = self.depths.read().await;
        let second = self.sender.meter.tick(at_us / SECOND_US, depth);
        self.sender.history.write(&Line::Second(second.clone()));
        if self.options.print {
            ui::line(progress::line(self.board.read().mode, &second));
        }
        let (totals, in_doubt) = (self.sender.meter.totals(), self.sender.doubtful.len());
        self.board.change(|status| {
            (status.totals, status.in_doubt) = (totals, in_doubt);
            status.add(second);
        });
    }

    async fn usage(&self, at_us: u64) {
        let connections = self.depths.connections().await;
        let processes = resources::processes(&self.target.stack_dir);
        self.sender.history.write(&Line::Usage(Usage { at_us, connections, processes }));
    }
}
