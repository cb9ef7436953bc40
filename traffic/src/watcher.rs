//! Looks at a round once a second: counts, depths, processes.

use std::time::Duration;

use waybill_ops::ui;

use crate::depth::Depths;
use crate::history::{Line, Usage};
use crate::progress;
use crate::resources;
use crate::sender::Sender;
use crate::settings::Target;
use crate::status::Board;

/// How often processes are looked at, in seconds.
const USAGE_EVERY: u64 = 5;

/// Looks at everything once a second.
pub(crate) struct Watcher<'a> {
    pub(crate) sender: &'a Sender,
    pub(crate) depths: &'a Depths,
    pub(crate) board: &'a Board,
    pub(crate) target: &'a Target,
    /// Whether to print a line.
    pub(crate) print: bool,
    /// Whether to look at processes.
    pub(crate) processes: bool,
}

impl Watcher<'_> {
    /// Looks until it is dropped.
    pub(crate) async fn run(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.second().await;
        }
    }

    async fn second(&self) {
        let depth = self.depths.read().await;
        let at_us = self.sender.clock.now_us();
        let second = self.sender.meter.tick(at_us / 1_000_000, depth);
        self.sender.history.write(&Line::Second(second.clone()));
        if self.print {
            ui::line(progress::line(self.board.read().mode, &second));
        }
        if self.processes && second.at_s.is_multiple_of(USAGE_EVERY) {
            let connections = self.depths.connections().await;
            let processes = resources::processes(&self.target.stack_dir);
            self.sender.history.write(&Line::Usage(Usage { at_us, connections, processes }));
        }
        let (totals, in_doubt) = (self.sender.meter.totals(), self.sender.doubtful.len());
        self.board.change(|status| {
            (status.totals, status.in_doubt) = (totals, in_doubt);
            status.add(second);
        });
    }
}
