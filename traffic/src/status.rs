//! What traffic is doing now: for the control API and the progress in the terminal.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use crate::generator::Wanted;
use crate::history::{Ceiling, Second};
use crate::meter::Totals;
use crate::mix::Mix;
use crate::mode::Mode;
use crate::verdict::Verdict;

/// How many seconds are shown.
const KEPT: usize = 300;

/// What traffic is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// No round is open. A mode other than `pause` opens one.
    Idle,
    /// A round is being opened: products, subscriber, ceiling.
    Opening,
    /// Requests are sent, unless the mode is `pause`.
    Sending,
    /// Nothing more is sent; queue and outbox are emptied.
    Draining,
    /// The service is compared with the history.
    Judging,
}

/// A round.
#[derive(Debug, Clone, Serialize)]
pub struct Current {
    /// Its name.
    pub name: String,
    /// The seed.
    pub seed: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// The folder of its history and its report.
    pub folder: PathBuf,
}

/// All that is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The wanted mode.
    pub mode: Mode,
    /// The wanted rate.
    pub rate: f64,
    /// The wanted mix.
    pub mix: Mix,
    /// What is going on.
    pub state: State,
    /// The current or last round.
    pub round: Option<Current>,
    /// Everything since the round began.
    pub totals: Totals,
    /// The last seconds of the round.
    pub seconds: VecDeque<Second>,
    /// Orders whose outcome is unknown.
    pub in_doubt: usize,
    /// What the gateway does without the service.
    pub ceiling: Option<Ceiling>,
    /// The verdict of the last round that was judged.
    pub verdict: Option<Verdict>,
    /// Why the last round could not be opened or judged.
    pub error: Option<String>,
}

/// The status, shared.
#[derive(Debug)]
pub struct Board(Mutex<Status>);

impl Board {
    /// A board on which nothing has happened.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self(Mutex::new(Status {
            mode: wanted.mode,
            rate: wanted.rate,
            mix: wanted.mix,
            state: State::Idle,
            round: None,
            totals: Totals::default(),
            seconds: VecDeque::new(),
            in_doubt: 0,
            ceiling: None,
            verdict: None,
            error: None,
        }))
    }

    /// A copy.
    #[must_use]
    pub fn read(&self) -> Status {
        self.lock().clone()
    }

    /// Changes it.
    pub fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Status {
    /// Adds the figures of a second.
    pub fn add(&mut self, second: Second) {
        self.seconds.push_back(second);
        if self.seconds.len() > KEPT {
            self.seconds.pop_front();
        }
    }
}
