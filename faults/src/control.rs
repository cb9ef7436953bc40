//! Starts and ends faults, and remembers them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::task::AbortHandle;

use crate::catalog::{ALL, Fault};
use crate::settings::Settings;
use crate::targets::{Striking, Targets};
use crate::values::Values;
use crate::view;

/// How many past faults are remembered.
const REMEMBERED: usize = 1000;

/// The faults of one stack.
pub struct Control {
    targets: Targets,
    functions: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By target.
    active: BTreeMap<&'static str, Run>,
    /// Oldest first.
    past: VecDeque<Past>,
    started: u64,
}

/// A fault that is active.
struct Run {
    /// Which start of a fault it is, counted from 1.
    number: u64,
    fault: &'static Fault,
    values: Values,
    started_at: Timestamp,
    ends_at: Timestamp,
    striking: Striking,
    /// Ends it in time.
    timer: AbortHandle,
}

/// A fault that has ended.
struct Past {
    run: Run,
    ended_at: Timestamp,
}

/// Why a fault was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request is wrong.
    Invalid(String),
    /// The target has another fault.
    Conflict(String),
}

impl Control {
    /// Starts the proxies. Nothing is broken yet.
    ///
    /// # Errors
    /// If a port is in use.
    pub async fn start(settings: &Settings) -> io::Result<Arc<Self>> {
        let targets = Targets::start(settings).await?;
        let functions = settings.functions.clone();
        Ok(Arc::new(Self { targets, functions, state: Mutex::default() }))
    }

    /// Starts a fault, with parameters as the body of a request has them. A fault that is active starts
    /// anew.
    pub(crate) fn strike(
        self: &Arc<Self>,
        fault: &'static Fault,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let values = Values::read(fault, body, &self.functions).map_err(Refusal::Invalid)?;
        let started_at = Timestamp::now();
        let ends_at = started_at
            .checked_add(values.lasts())
            .map_err(|error| Refusal::Invalid(format!("for_s is too long: {error}.")))?;
        let mut state = self.state();
        let other = state.active.get(fault.target()).filter(|run| run.fault != fault);
        if let Some(other) = other {
            let (name, target) = (other.fault.name, fault.target());
            let until = other.ends_at.strftime("%H:%M:%S UTC");
            return Err(Refusal::Conflict(format!(
                "{name} is active until {until}, and {target} can have one fault at a time. Wait, or \
                 end it with DELETE /faults/{name}."
            )));
        }
        self.end_in(&mut state, fault);
        state.started += 1;
        let number = state.started;
        let striking = self.targets.strike(fault.effect, &values);
        let control = Arc::clone(self);
        let lasts = values.lasts();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(lasts).await;
            control.end_run(fault, number);
        });
        let timer = timer.abort_handle();
        let run = Run { number, fault, values, started_at, ends_at, striking, timer };
        state.active.insert(fault.target(), run);
        Ok(())
    }

    /// Ends a fault, if it is active.
    pub(crate) fn end(&self, fault: &Fault) {
        self.end_in(&mut self.state(), fault);
    }

    /// Ends one run of a fault, if it is still active.
    fn end_run(&self, fault: &Fault, number: u64) {
        let mut state = self.state();
        if state.active.get(fault.target()).is_some_and(|run| run.number == number) {
            self.end_in(&mut state, fault);
        }
    }

    fn end_in(&self, state: &mut State, fault: &Fault) {
        let target = fault.target();
        if state.active.get(target).is_none_or(|run| run.fault != fault) {
            return;
        }
        let Some(run) = state.active.remove(target) else { return };
        self.targets.heal(fault.effect, &run.striking);
        run.timer.abort();
        if state.past.len() == REMEMBERED {
            state.past.pop_front();
        }
        state.past.push_back(Past { run, ended_at: Timestamp::now() });
    }

    /// All faults, and those that have ended.
    pub(crate) fn list(&self) -> view::List {
        let state = self.state();
        view::List {
            faults: ALL.iter().map(|fault| self.view(&state, fault)).collect(),
            history: state.past.iter().map(Past::view).collect(),
        }
    }

    /// One fault.
    pub(crate) fn show(&self, fault: &Fault) -> view::Fault {
        self.view(&self.state(), fault)
    }

    fn view(&self, state: &State, fault: &Fault) -> view::Fault {
        let active = state.active.get(fault.target()).filter(|run| run.fault == fault);
        let last = || state.past.iter().rev().map(|past| &past.run).find(|run| run.fault == fault);
        let parameters = fault.parameters().iter();
        view::Fault {
            name: fault.name.to_owned(),
            target: fault.target().to_owned(),
            description: fault.description.to_owned(),
            parameters: parameters.map(|it| it.describe(&self.functions)).collect(),
            state: if active.is_some() { view::State::Active } else { view::State::Idle },
            set: active.map(|run| run.values.all().clone()),
            started_at: active.map(|run| run.started_at),
            ends_at: active.map(|run| run.ends_at),
            struck: active.or_else(last).map_or(0, Run::struck),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    fn struck(&self) -> usize {
        self.striking.strikes.count()
    }
}

impl Past {
    fn view(&self) -> view::Past {
        let Self { run, ended_at } = self;
        view::Past {
            name: run.fault.name.to_owned(),
            target: run.fault.target().to_owned(),
            set: run.values.all().clone(),
            started_at: run.started_at,
            ended_at: *ended_at,
            struck: run.struck(),
        }
    }
}
